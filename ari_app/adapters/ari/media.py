"""`client.bridges`, `.playbacks`, `.recordings`, `.sounds`: what is heard, and by whom together.
One method per line of the API description that Asterisk ships; names and parameters are its own. Knows no transport.
"""
# The bodies are empty because @operation replaces them: the signature is all there is to say.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.operations import Body, Names, Resource, operation


class Bridges(Resource):
    @operation("GET", "/bridges")
    async def list(self) -> tuple[m.Bridge, ...]: ...

    @operation("POST", "/bridges")
    async def create(
        self,
        *,
        type: str | None = None,
        bridgeId: str | None = None,
        name: str | None = None,
        variables: Body | None = None,
    ) -> m.Bridge: ...

    @operation("POST", "/bridges/{bridgeId}")
    async def createWithId(
        self,
        bridgeId: str,
        *,
        type: str | None = None,
        name: str | None = None,
        variables: Body | None = None,
    ) -> m.Bridge: ...

    @operation("GET", "/bridges/{bridgeId}")
    async def get(self, bridgeId: str) -> m.Bridge: ...

    @operation("DELETE", "/bridges/{bridgeId}")
    async def destroy(self, bridgeId: str) -> None: ...

    @operation("GET", "/bridges/{bridgeId}/variable")
    async def getBridgeVar(self, bridgeId: str, variable: str) -> m.Variable: ...

    @operation("POST", "/bridges/{bridgeId}/variable")
    async def setBridgeVar(
        self,
        bridgeId: str,
        variable: str,
        *,
        value: str | None = None,
        report_events: bool | None = None,
    ) -> None: ...

    @operation("GET", "/bridges/{bridgeId}/variables")
    async def getBridgeVars(self, bridgeId: str, variables: Names) -> m.Variables: ...

    @operation("POST", "/bridges/{bridgeId}/variables")
    async def setBridgeVars(self, bridgeId: str, variables: Body) -> None: ...

    @operation("POST", "/bridges/{bridgeId}/addChannel")
    async def addChannel(
        self,
        bridgeId: str,
        channel: Names,
        *,
        role: str | None = None,
        absorbDTMF: bool | None = None,
        mute: bool | None = None,
        inhibitConnectedLineUpdates: bool | None = None,
    ) -> None: ...

    @operation("POST", "/bridges/{bridgeId}/removeChannel")
    async def removeChannel(self, bridgeId: str, channel: Names) -> None: ...

    @operation("POST", "/bridges/{bridgeId}/videoSource/{channelId}")
    async def setVideoSource(self, bridgeId: str, channelId: str) -> None: ...

    @operation("DELETE", "/bridges/{bridgeId}/videoSource")
    async def clearVideoSource(self, bridgeId: str) -> None: ...

    @operation("POST", "/bridges/{bridgeId}/moh")
    async def startMoh(self, bridgeId: str, *, mohClass: str | None = None) -> None: ...

    @operation("DELETE", "/bridges/{bridgeId}/moh")
    async def stopMoh(self, bridgeId: str) -> None: ...

    @operation("POST", "/bridges/{bridgeId}/play")
    async def play(
        self,
        bridgeId: str,
        media: Names,
        *,
        announcer_format: str | None = None,
        lang: str | None = None,
        offsetms: int | None = None,
        skipms: int | None = None,
        playbackId: str | None = None,
    ) -> m.Playback: ...

    @operation("POST", "/bridges/{bridgeId}/play/{playbackId}")
    async def playWithId(
        self,
        bridgeId: str,
        playbackId: str,
        media: Names,
        *,
        announcer_format: str | None = None,
        lang: str | None = None,
        offsetms: int | None = None,
        skipms: int | None = None,
    ) -> m.Playback: ...

    @operation("POST", "/bridges/{bridgeId}/record")
    async def record(
        self,
        bridgeId: str,
        name: str,
        format: str,
        *,
        recorder_format: str | None = None,
        maxDurationSeconds: int | None = None,
        maxSilenceSeconds: int | None = None,
        ifExists: str | None = None,
        beep: bool | None = None,
        terminateOn: str | None = None,
    ) -> m.LiveRecording: ...


class Playbacks(Resource):
    @operation("GET", "/playbacks/{playbackId}")
    async def get(self, playbackId: str) -> m.Playback: ...

    @operation("DELETE", "/playbacks/{playbackId}")
    async def stop(self, playbackId: str) -> None: ...

    @operation("POST", "/playbacks/{playbackId}/control")
    async def control(self, playbackId: str, operation: str) -> None: ...


class Recordings(Resource):
    @operation("GET", "/recordings/stored")
    async def listStored(self) -> tuple[m.StoredRecording, ...]: ...

    @operation("GET", "/recordings/stored/{recordingName}")
    async def getStored(self, recordingName: str) -> m.StoredRecording: ...

    @operation("DELETE", "/recordings/stored/{recordingName}")
    async def deleteStored(self, recordingName: str) -> None: ...

    @operation("GET", "/recordings/stored/{recordingName}/file")
    async def getStoredFile(self, recordingName: str) -> bytes: ...

    @operation("POST", "/recordings/stored/{recordingName}/copy")
    async def copyStored(self, recordingName: str, destinationRecordingName: str) -> m.StoredRecording: ...

    @operation("GET", "/recordings/live/{recordingName}")
    async def getLive(self, recordingName: str) -> m.LiveRecording: ...

    @operation("DELETE", "/recordings/live/{recordingName}")
    async def cancel(self, recordingName: str) -> None: ...

    @operation("POST", "/recordings/live/{recordingName}/stop")
    async def stop(self, recordingName: str) -> None: ...

    @operation("POST", "/recordings/live/{recordingName}/pause")
    async def pause(self, recordingName: str) -> None: ...

    @operation("DELETE", "/recordings/live/{recordingName}/pause")
    async def unpause(self, recordingName: str) -> None: ...

    @operation("POST", "/recordings/live/{recordingName}/mute")
    async def mute(self, recordingName: str) -> None: ...

    @operation("DELETE", "/recordings/live/{recordingName}/mute")
    async def unmute(self, recordingName: str) -> None: ...


class Sounds(Resource):
    @operation("GET", "/sounds")
    async def list(self, *, lang: str | None = None, format: str | None = None) -> tuple[m.Sound, ...]: ...

    @operation("GET", "/sounds/{soundId}")
    async def get(self, soundId: str) -> m.Sound: ...
