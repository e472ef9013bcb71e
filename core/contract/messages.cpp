#include "core/contract/messages.h"

#include <array>
#include <utility>

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

files::OrderedJson toJson(const GenerateRequest& request) {
    files::OrderedJson json = toJson(request.settings);
    json["id"] = request.id;
    json["op"] = "generate";
    json.update(promptToJson(request.prompt));
    return json;
}

GenerateRequest generateRequestFromJson(const files::OrderedJson& json) {
    files::Json settings = json;
    for (const char* key : {"id", "op", "prompt", "messages"}) {
        settings.erase(key);
    }
    GenerateRequest request;
    JsonFields(json, "request").read("id", request.id);
    request.prompt = promptFromJson(json);
    request.settings = samplingFromJson(settings);
    return request;
}

files::OrderedJson promptToJson(const Passage& prompt) {
    return {{prompt.isConversation() ? "messages" : "prompt", toJson(prompt)}};
}

Passage promptFromJson(const files::OrderedJson& request) {
    constexpr std::size_t shown = 80;
    if (!request.is_object()) {
        throw Error("expected an object, found " + files::toLine(request).substr(0, shown));
    }
    const auto prompt = request.find("prompt"), messages = request.find("messages");
    if ((prompt == request.end()) == (messages == request.end())) {
        throw Error(prompt == request.end() ? R"("prompt" is missing, and "messages" too)"
                                            : R"(both "prompt" and "messages" are there; one of them is the prompt)");
    }
    if (messages != request.end()) {
        if (!messages->is_array()) {
            throw Error("\"messages\" must be a list, found " + files::toLine(*messages).substr(0, shown));
        }
        refuseTemplateVariables(request);
        return Passage::ofMessages(*messages);
    }
    if (!prompt->is_string()) {
        throw Error("\"prompt\" must be a string, found " + files::toLine(*prompt).substr(0, shown));
    }
    return prompt->get<std::string>();
}

files::OrderedJson toJson(const Rendering& rendering) {
    files::OrderedJson tokens = files::OrderedJson::array();
    for (const Rendering::Token& token : rendering.tokens) {
        files::OrderedJson& one = tokens.emplace_back(files::OrderedJson{{"id", token.id}, {"text", token.text}});
        if (token.special) {
            one["special"] = true;
        }
    }
    return {{"text", rendering.text}, {"tokens", std::move(tokens)}};
}

Rendering renderingFromJson(const files::OrderedJson& json) {
    const JsonFields fields(json, "rendering");
    Rendering rendering;
    fields.read("text", rendering.text);
    const files::OrderedJson* tokens = fields.find("tokens");
    if (!tokens || !tokens->is_array()) {
        throw Error("rendering: \"tokens\" must be a list");
    }
    for (const files::OrderedJson& one : *tokens) {
        const JsonFields token(one, "rendering: token");
        Rendering::Token& read = rendering.tokens.emplace_back();
        token.read("id", read.id);
        token.read("text", read.text);
        token.read("special", read.special);
    }
    return rendering;
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
