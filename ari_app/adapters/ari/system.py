"""`client.applications`, `.endpoints`, `.asterisk`, `.events`, `.deviceStates`, `.mailboxes`: the PBX itself.
One method per line of the API description that Asterisk ships; names and parameters are its own. Knows no transport.
"""
# The bodies are empty because @operation replaces them: the signature is all there is to say.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.operations import Body, BodyList, Names, Resource, WholeBody, operation


class Applications(Resource):
    @operation("GET", "/applications")
    async def list(self) -> tuple[m.Application, ...]: ...

    @operation("GET", "/applications/{applicationName}")
    async def get(self, applicationName: str) -> m.Application: ...

    @operation("POST", "/applications/{applicationName}/subscription")
    async def subscribe(self, applicationName: str, eventSource: Names) -> m.Application: ...

    @operation("DELETE", "/applications/{applicationName}/subscription")
    async def unsubscribe(self, applicationName: str, eventSource: Names) -> m.Application: ...

    @operation("PUT", "/applications/{applicationName}/eventFilter")
    async def filter(self, applicationName: str, *, filter: WholeBody | None = None) -> m.Application: ...


class Endpoints(Resource):
    @operation("GET", "/endpoints")
    async def list(self) -> tuple[m.Endpoint, ...]: ...

    @operation("PUT", "/endpoints/sendMessage")
    async def sendMessage(
        self,
        to: str,
        from_: str,
        *,
        body: str | None = None,
        variables: Body | None = None,
    ) -> None: ...

    @operation("POST", "/endpoints/refer")
    async def refer(
        self,
        to: str,
        from_: str,
        refer_to: str,
        *,
        to_self: bool | None = None,
        variables: Body | None = None,
    ) -> None: ...

    @operation("GET", "/endpoints/{tech}")
    async def listByTech(self, tech: str) -> tuple[m.Endpoint, ...]: ...

    @operation("GET", "/endpoints/{tech}/{resource}")
    async def get(self, tech: str, resource: str) -> m.Endpoint: ...

    @operation("PUT", "/endpoints/{tech}/{resource}/sendMessage")
    async def sendMessageToEndpoint(
        self,
        tech: str,
        resource: str,
        from_: str,
        *,
        body: str | None = None,
        variables: Body | None = None,
    ) -> None: ...

    @operation("POST", "/endpoints/{tech}/{resource}/refer")
    async def referToEndpoint(
        self,
        tech: str,
        resource: str,
        from_: str,
        refer_to: str,
        *,
        to_self: bool | None = None,
        variables: Body | None = None,
    ) -> None: ...


class Asterisk(Resource):
    @operation("GET", "/asterisk/config/dynamic/{configClass}/{objectType}/{id}")
    async def getObject(self, configClass: str, objectType: str, id: str) -> tuple[m.ConfigTuple, ...]: ...

    @operation("PUT", "/asterisk/config/dynamic/{configClass}/{objectType}/{id}")
    async def updateObject(
        self,
        configClass: str,
        objectType: str,
        id: str,
        *,
        fields: BodyList | None = None,
    ) -> tuple[m.ConfigTuple, ...]: ...

    @operation("DELETE", "/asterisk/config/dynamic/{configClass}/{objectType}/{id}")
    async def deleteObject(self, configClass: str, objectType: str, id: str) -> None: ...

    @operation("GET", "/asterisk/info")
    async def getInfo(self, *, only: Names | None = None) -> m.AsteriskInfo: ...

    @operation("GET", "/asterisk/ping")
    async def ping(self) -> m.AsteriskPing: ...

    @operation("GET", "/asterisk/modules")
    async def listModules(self) -> tuple[m.Module, ...]: ...

    @operation("GET", "/asterisk/modules/{moduleName}")
    async def getModule(self, moduleName: str) -> m.Module: ...

    @operation("POST", "/asterisk/modules/{moduleName}")
    async def loadModule(self, moduleName: str) -> None: ...

    @operation("DELETE", "/asterisk/modules/{moduleName}")
    async def unloadModule(self, moduleName: str) -> None: ...

    @operation("PUT", "/asterisk/modules/{moduleName}")
    async def reloadModule(self, moduleName: str) -> None: ...

    @operation("GET", "/asterisk/logging")
    async def listLogChannels(self) -> tuple[m.LogChannel, ...]: ...

    @operation("POST", "/asterisk/logging/{logChannelName}")
    async def addLog(self, logChannelName: str, configuration: str) -> None: ...

    @operation("DELETE", "/asterisk/logging/{logChannelName}")
    async def deleteLog(self, logChannelName: str) -> None: ...

    @operation("PUT", "/asterisk/logging/{logChannelName}/rotate")
    async def rotateLog(self, logChannelName: str) -> None: ...

    @operation("GET", "/asterisk/variable")
    async def getGlobalVar(self, variable: str) -> m.Variable: ...

    @operation("POST", "/asterisk/variable")
    async def setGlobalVar(self, variable: str, *, value: str | None = None) -> None: ...


class Events(Resource):
    @operation("POST", "/events/user/{eventName}")
    async def userEvent(
        self,
        eventName: str,
        application: str,
        *,
        source: Names | None = None,
        variables: Body | None = None,
    ) -> None: ...

    @operation("POST", "/events/claim")
    async def claimChannel(self, channelId: str, application: str) -> None: ...


class DeviceStates(Resource):
    @operation("GET", "/deviceStates")
    async def list(self) -> tuple[m.DeviceState, ...]: ...

    @operation("GET", "/deviceStates/{deviceName}")
    async def get(self, deviceName: str) -> m.DeviceState: ...

    @operation("PUT", "/deviceStates/{deviceName}")
    async def update(self, deviceName: str, deviceState: str) -> None: ...

    @operation("DELETE", "/deviceStates/{deviceName}")
    async def delete(self, deviceName: str) -> None: ...


class Mailboxes(Resource):
    @operation("GET", "/mailboxes")
    async def list(self) -> tuple[m.Mailbox, ...]: ...

    @operation("GET", "/mailboxes/{mailboxName}")
    async def get(self, mailboxName: str) -> m.Mailbox: ...

    @operation("PUT", "/mailboxes/{mailboxName}")
    async def update(self, mailboxName: str, oldMessages: int, newMessages: int) -> None: ...

    @operation("DELETE", "/mailboxes/{mailboxName}")
    async def delete(self, mailboxName: str) -> None: ...
