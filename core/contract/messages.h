#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract/sampling.h"
#include "core/files/json.h"

namespace prefbench::contract {

/// `prefbench-engine serve`: one JSON object a line each way; docs/protocol.md.
/// Engine's first line: {"event":"ready","model":…,"vocabulary":N} or {"event":"error","message":…}.

/// {"id":7,"op":"generate","prompt":"…",…sampling settings}: `settings.samples` completions of one prompt.
/// {"id":8,"op":"cancel","target":7}: 7 ends with event "done" and what was unfinished has finish_reason "cancelled".
/// {"id":9,"op":"score","prompt":"…","completion":"…"} → result {"logprob","token_logprobs"}
struct GenerateRequest {
    std::int64_t id = 0;
    std::string prompt;
    SamplingSettings settings;
};
files::Json toJson(const GenerateRequest& request);
/// Throws Error naming what is missing or wrong.
GenerateRequest generateRequestFromJson(const files::Json& json);

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
