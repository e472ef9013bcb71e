#include "core/contract/messages.h"

#include <array>

#include "core/contract/json_fields.h"

namespace prefbench::contract {

namespace {

using Kind = EngineEvent::Kind;

struct KindName {
    Kind kind;
    const char* name;
};
constexpr std::array<KindName, 5> kKinds = {{{Kind::Ready, "ready"},
                                             {Kind::Token, "token"},
                                             {Kind::Result, "result"},
                                             {Kind::Error, "error"},
                                             {Kind::Done, "done"}}};

const char* nameOf(Kind kind) {
    for (const KindName& candidate : kKinds) {
        if (candidate.kind == kind) {
            return candidate.name;
        }
    }
    return "";
}

/// The key under which an event's text travels.
const char* textKey(Kind kind) {
    switch (kind) {
        case Kind::Token:
            return "text";
        case Kind::Result:
            return "completion";
        default:
            return "message";
    }
}

}  // namespace

files::Json toJson(const GenerateRequest& request) {
    files::Json json = toJson(request.settings);
    json["id"] = request.id;
    json["op"] = "generate";
    json["prompt"] = request.prompt;
    return json;
}

GenerateRequest generateRequestFromJson(const files::Json& json) {
    files::Json settings = json;
    for (const char* key : {"id", "op", "prompt"}) {
        settings.erase(key);
    }
    const files::OrderedJson object = json;
    const JsonFields fields(object, "request");
    GenerateRequest request;
    fields.read("id", request.id);
    const auto* prompt = fields.find("prompt");
    if (!prompt) {
        throw Error("request: no \"prompt\"");
    }
    fields.read("prompt", request.prompt);
    request.settings = samplingFromJson(settings);
    return request;
}

files::Json toJson(const EngineEvent& event) {
    files::Json json = {{"id", event.id}, {"event", nameOf(event.kind)}};
    if (event.kind == Kind::Token || event.kind == Kind::Result) {
        json["sample"] = event.sample;
    }
    if (event.kind != Kind::Done && event.kind != Kind::Ready) {
        json[textKey(event.kind)] = event.text;
    }
    if (event.kind == Kind::Result) {
        json["ids"] = event.ids;
        json["logprob"] = files::numberToJson(event.logProbability);
        json["finish_reason"] = toString(event.finishReason);
    }
    return json;
}

EngineEvent eventFromJson(const files::Json& json) {
    const files::OrderedJson object = json;
    const JsonFields fields(object, "engine message");
    std::string name;
    fields.read("event", name);
    EngineEvent event;
    bool known = false;
    for (const KindName& candidate : kKinds) {
        if (name == candidate.name) {
            event.kind = candidate.kind;
            known = true;
        }
    }
    if (!known) {
        throw Error("engine message: unknown event \"" + name + "\"");
    }
    fields.read("id", event.id);
    fields.read("sample", event.sample);
    fields.read(textKey(event.kind), event.text);
    if (event.kind == Kind::Result) {
        if (const auto* ids = fields.find("ids")) {
            fields.require(ids->is_array(), "ids", *ids, "must be a list of whole numbers");
            for (const auto& id : *ids) {
                fields.require(id.is_number_integer(), "ids", id, "must be a list of whole numbers");
                event.ids.push_back(id.get<std::int64_t>());
            }
        }
        if (const auto* logProbability = fields.find("logprob")) {
            event.logProbability = files::numberFromJson(*logProbability, "logprob");
        }
        std::string reason = toString(event.finishReason);
        fields.read("finish_reason", reason);
        event.finishReason = finishReasonFromString(reason);
    }
    return event;
}

}  // namespace prefbench::contract
