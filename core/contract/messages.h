#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract/passage.h"
#include "core/contract/sampling.h"
#include "core/files/json.h"

namespace prefbench::contract {

/// `prefbench-engine serve`: one JSON object a line each way; docs/protocol.md.
/// Engine's first line: {"event":"ready","model":…,"vocabulary":N} or {"event":"error","message":…}.

/// {"id":7,"op":"generate","prompt":"…",…sampling settings}: `settings.samples` completions of one prompt; a
/// conversation is asked with "messages":[…] in the prompt's place, here and below.
/// {"id":8,"op":"cancel","target":7}: 7 ends with event "done" and what was unfinished has finish_reason "cancelled".
/// {"id":9,"op":"score","prompt":"…","completion":"…"} → result {"logprob","token_logprobs"}
/// {"id":10,"op":"render","prompt":"…"} → result {"text","tokens"}, see Rendering
struct GenerateRequest {
    std::int64_t id = 0;
    Passage prompt;
    SamplingSettings settings;
};
files::OrderedJson toJson(const GenerateRequest& request);
/// Throws Error naming what is missing or wrong.
GenerateRequest generateRequestFromJson(const files::OrderedJson& json);

/// {"prompt": text} or {"messages": list}
files::OrderedJson promptToJson(const Passage& prompt);
/// The prompt of a request or of a line of input; Error when there is none, or both, or a text that is no text. What
/// `messages` holds is the template's to judge.
Passage promptFromJson(const files::OrderedJson& request);

/// What the model reads of a prompt: the text, after the chat template where it is a conversation, and its tokens,
/// special ones included. {"text","tokens":[{"id","text","special":true}…]}; `special` only where it holds.
struct Rendering {
    struct Token {
        std::int64_t id = 0;
        std::string text;  ///< for people: bytes that are no character are spelled <0xE4>
        bool special = false;
        bool operator==(const Token&) const = default;
    };
    std::string text;
    std::vector<Token> tokens;
    bool operator==(const Rendering&) const = default;
};
files::OrderedJson toJson(const Rendering& rendering);
/// Throws Error when it is none.
Rendering renderingFromJson(const files::OrderedJson& json);

/// {"id","event":"token","sample":i,"text":"…"}
/// {"id","event":"result","sample":i,"completion","ids":[…],"logprob","finish_reason"}
/// {"id","event":"error","message"}       ends the request
/// {"id","event":"done"}                  ends the request
struct EngineEvent {
    enum class Kind { Ready, Token, Result, Error, Done };
    Kind kind = Kind::Error;
    std::int64_t id = 0;
    std::int64_t sample = 0;
    std::string text;  ///< token: new text; result: the completion; error: the message
    std::vector<std::int64_t> ids;
    double logProbability = 0;
    FinishReason finishReason = FinishReason::Stop;
};
files::Json toJson(const EngineEvent& event);
/// Throws Error when the line is not an event.
EngineEvent eventFromJson(const files::Json& json);

}  // namespace prefbench::contract
