"""`client.channels`: placing, dialling, playing to, and hanging up channels.
One method per line of the API description that Asterisk ships; names and parameters are its own. Knows no transport.
"""
# The bodies are empty because @operation replaces them: the signature is all there is to say.
# A `timeout` here is ARI's own parameter.
# ruff: noqa: ASYNC109
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.operations import Body, Names, Resource, operation


class Channels(Resource):
    @operation("GET", "/channels")
    async def list(self) -> tuple[m.Channel, ...]: ...

    @operation("POST", "/channels")
    async def originate(
        self,
        endpoint: str,
        *,
        extension: str | None = None,
        context: str | None = None,
        priority: int | None = None,
        label: str | None = None,
        app: str | None = None,
        appArgs: str | None = None,
        callerId: str | None = None,
        timeout: int | None = None,
        variables: Body | None = None,
        channelId: str | None = None,
        otherChannelId: str | None = None,
        originator: str | None = None,
        formats: str | None = None,
    ) -> m.Channel: ...

    @operation("POST", "/channels/create")
    async def create(
        self,
        endpoint: str,
        app: str,
        *,
        appArgs: str | None = None,
        channelId: str | None = None,
        otherChannelId: str | None = None,
        originator: str | None = None,
        formats: str | None = None,
        variables: Body | None = None,
    ) -> m.Channel: ...

    @operation("GET", "/channels/{channelId}")
    async def get(self, channelId: str) -> m.Channel: ...

    @operation("POST", "/channels/{channelId}")
    async def originateWithId(
        self,
        channelId: str,
        endpoint: str,
        *,
        extension: str | None = None,
        context: str | None = None,
        priority: int | None = None,
        label: str | None = None,
        app: str | None = None,
        appArgs: str | None = None,
        callerId: str | None = None,
        timeout: int | None = None,
        variables: Body | None = None,
        otherChannelId: str | None = None,
        originator: str | None = None,
        formats: str | None = None,
    ) -> m.Channel: ...

    @operation("DELETE", "/channels/{channelId}")
    async def hangup(self, channelId: str, *, reason_code: str | None = None, reason: str | None = None) -> None: ...

    @operation("POST", "/channels/{channelId}/continue")
    async def continueInDialplan(
        self,
        channelId: str,
        *,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
        label: str | None = None,
    ) -> None: ...

    @operation("POST", "/channels/{channelId}/move")
    async def move(self, channelId: str, app: str, *, appArgs: str | None = None) -> None: ...

    @operation("POST", "/channels/{channelId}/redirect")
    async def redirect(self, channelId: str, endpoint: str) -> None: ...

    @operation("POST", "/channels/{channelId}/answer")
    async def answer(self, channelId: str) -> None: ...

    @operation("POST", "/channels/{channelId}/ring")
    async def ring(self, channelId: str) -> None: ...

    @operation("DELETE", "/channels/{channelId}/ring")
    async def ringStop(self, channelId: str) -> None: ...

    @operation("POST", "/channels/{channelId}/progress")
    async def progress(self, channelId: str) -> None: ...

    @operation("POST", "/channels/{channelId}/dtmf")
    async def sendDTMF(
        self,
        channelId: str,
        *,
        dtmf: str | None = None,
        before: int | None = None,
        between: int | None = None,
        duration: int | None = None,
        after: int | None = None,
    ) -> None: ...

    @operation("POST", "/channels/{channelId}/mute")
    async def mute(self, channelId: str, *, direction: str | None = None) -> None: ...

    @operation("DELETE", "/channels/{channelId}/mute")
    async def unmute(self, channelId: str, *, direction: str | None = None) -> None: ...

    @operation("POST", "/channels/{channelId}/hold")
    async def hold(self, channelId: str) -> None: ...

    @operation("DELETE", "/channels/{channelId}/hold")
    async def unhold(self, channelId: str) -> None: ...

    @operation("POST", "/channels/{channelId}/moh")
    async def startMoh(self, channelId: str, *, mohClass: str | None = None) -> None: ...

    @operation("DELETE", "/channels/{channelId}/moh")
    async def stopMoh(self, channelId: str) -> None: ...

    @operation("POST", "/channels/{channelId}/silence")
    async def startSilence(self, channelId: str) -> None: ...

    @operation("DELETE", "/channels/{channelId}/silence")
    async def stopSilence(self, channelId: str) -> None: ...

    @operation("POST", "/channels/{channelId}/play")
    async def play(
        self,
        channelId: str,
        media: Names,
        *,
        lang: str | None = None,
        offsetms: int | None = None,
        skipms: int | None = None,
        playbackId: str | None = None,
    ) -> m.Playback: ...

    @operation("POST", "/channels/{channelId}/play/{playbackId}")
    async def playWithId(
        self,
        channelId: str,
        playbackId: str,
        media: Names,
        *,
        lang: str | None = None,
        offsetms: int | None = None,
        skipms: int | None = None,
    ) -> m.Playback: ...

    @operation("POST", "/channels/{channelId}/record")
    async def record(
        self,
        channelId: str,
        name: str,
        format: str,
        *,
        maxDurationSeconds: int | None = None,
        maxSilenceSeconds: int | None = None,
        ifExists: str | None = None,
        beep: bool | None = None,
        terminateOn: str | None = None,
    ) -> m.LiveRecording: ...

    @operation("GET", "/channels/{channelId}/variable")
    async def getChannelVar(self, channelId: str, variable: str) -> m.Variable: ...

    @operation("POST", "/channels/{channelId}/variable")
    async def setChannelVar(
        self,
        channelId: str,
        variable: str,
        *,
        value: str | None = None,
        report_events: bool | None = None,
    ) -> None: ...

    @operation("GET", "/channels/{channelId}/variables")
    async def getChannelVars(self, channelId: str, variables: Names) -> m.Variables: ...

    @operation("POST", "/channels/{channelId}/variables")
    async def setChannelVars(self, channelId: str, variables: Body) -> None: ...

    @operation("POST", "/channels/{channelId}/snoop")
    async def snoopChannel(
        self,
        channelId: str,
        app: str,
        *,
        spy: str | None = None,
        whisper: str | None = None,
        appArgs: str | None = None,
        snoopId: str | None = None,
    ) -> m.Channel: ...

    @operation("POST", "/channels/{channelId}/snoop/{snoopId}")
    async def snoopChannelWithId(
        self,
        channelId: str,
        snoopId: str,
        app: str,
        *,
        spy: str | None = None,
        whisper: str | None = None,
        appArgs: str | None = None,
    ) -> m.Channel: ...

    @operation("POST", "/channels/{channelId}/dial")
    async def dial(self, channelId: str, *, caller: str | None = None, timeout: int | None = None) -> None: ...

    @operation("GET", "/channels/{channelId}/rtp_statistics")
    async def rtpstatistics(self, channelId: str) -> m.RTPstat: ...

    @operation("POST", "/channels/externalMedia")
    async def externalMedia(
        self,
        app: str,
        format: str,
        *,
        channelId: str | None = None,
        variables: Body | None = None,
        external_host: str | None = None,
        encapsulation: str | None = None,
        transport: str | None = None,
        connection_type: str | None = None,
        direction: str | None = None,
        data: str | None = None,
        transport_data: str | None = None,
    ) -> m.Channel: ...

    @operation("POST", "/channels/{channelId}/transfer_progress")
    async def transfer_progress(self, channelId: str, states: str) -> None: ...
