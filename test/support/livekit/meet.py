"""Meet's side, played by the client library and version that Meet uses (livekit-api 1.2.0).

Reads one JSON request a line and answers each with one JSON line:
  {"do": "call", "url", "key", "secret", "name": "RoomService/ListRooms", "with": {...}}  one of CALLS
  {"do": "webhook", "key", "secret", "body", "authorization"}                             what WebhookReceiver says
The calls and their requests are those of Meet's backend (suitenumerique/meet, src/backend/core); names of fields are
those of the protocol.
"""

import asyncio
import json
import sys
import time

import aiohttp
from google.protobuf.json_format import MessageToDict, ParseDict
from livekit import api


async def list_sip_dispatch_rules(client, fields):
    return await client.sip.list_dispatch_rule(request(api.ListSIPDispatchRuleRequest, fields))


async def delete_dispatch(client, fields):
    return await client.agent_dispatch.delete_dispatch(fields["dispatch_id"], fields["room"])


def request(message, fields):
    return ParseDict(fields, message())


def plain(service, method, message):
    """A call that takes one message."""

    async def call(client, fields):
        return await getattr(getattr(client, service), method)(request(message, fields))

    return call


CALLS = {
    "RoomService/ListRooms": plain("room", "list_rooms", api.ListRoomsRequest),
    "RoomService/SendData": plain("room", "send_data", api.SendDataRequest),
    "RoomService/UpdateRoomMetadata": plain(
        "room", "update_room_metadata", api.UpdateRoomMetadataRequest
    ),
    "RoomService/DeleteRoom": plain("room", "delete_room", api.DeleteRoomRequest),
    "RoomService/MutePublishedTrack": plain("room", "mute_published_track", api.MuteRoomTrackRequest),
    "RoomService/RemoveParticipant": plain("room", "remove_participant", api.RoomParticipantIdentity),
    "RoomService/UpdateParticipant": plain("room", "update_participant", api.UpdateParticipantRequest),
    "RoomService/GetParticipant": plain("room", "get_participant", api.RoomParticipantIdentity),
    "Egress/StartRoomCompositeEgress": plain(
        "egress", "start_room_composite_egress", api.RoomCompositeEgressRequest
    ),
    "Egress/StopEgress": plain("egress", "stop_egress", api.StopEgressRequest),
    "Egress/ListEgress": plain("egress", "list_egress", api.ListEgressRequest),
    "AgentDispatchService/CreateDispatch": plain(
        "agent_dispatch", "create_dispatch", api.CreateAgentDispatchRequest
    ),
    "AgentDispatchService/DeleteDispatch": delete_dispatch,
    "SIP/CreateSIPDispatchRule": plain(
        "sip", "create_dispatch_rule", api.CreateSIPDispatchRuleRequest
    ),
    "SIP/ListSIPDispatchRule": list_sip_dispatch_rules,
    "SIP/DeleteSIPDispatchRule": plain(
        "sip", "delete_dispatch_rule", api.DeleteSIPDispatchRuleRequest
    ),
}


async def call(job):
    """Makes one call as Meet does: a client of its own each time, ten seconds at most."""
    began = time.monotonic()
    answer = {}
    async with api.LiveKitAPI(job["url"], job["key"], job["secret"]) as client:
        try:
            result = await CALLS[job["name"]](client, job.get("with", {}))
            answer["response"] = MessageToDict(result, preserving_proto_field_name=True)
        except api.TwirpError as error:
            # The only kind of failure that Meet expects.
            answer["twirp"] = {"code": error.code, "message": error.message, "status": error.status}
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            answer["broken"] = f"{type(error).__name__}: {error}"
    answer["ms"] = round((time.monotonic() - began) * 1000)
    return answer


def webhook(job):
    receiver = api.WebhookReceiver(api.TokenVerifier(job["key"], job["secret"]))
    try:
        event = receiver.receive(job["body"], job["authorization"])
        return {"response": MessageToDict(event, preserving_proto_field_name=True)}
    except Exception as error:  # Meet answers any of them with a refusal.
        return {"broken": f"{type(error).__name__}: {error}"}


async def main():
    print(json.dumps({"version": api.__version__, "calls": sorted(CALLS)}), flush=True)
    lines = asyncio.get_running_loop()
    while line := await lines.run_in_executor(None, sys.stdin.readline):
        job = json.loads(line)
        answer = webhook(job) if job["do"] == "webhook" else await call(job)
        print(json.dumps(answer), flush=True)


asyncio.run(main())
