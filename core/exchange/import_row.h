#pragma once

#include <QByteArray>
#include <QString>
#include <optional>

#include "core/files/json.h"
#include "core/project/prompts.h"

namespace prefbench::exchange {

/// One good line of a data file.
struct ImportRow {
    QByteArray messages{};                  ///< the prompt as project::Prompt holds it
    std::optional<project::Split> split{};  ///< where the line itself says
    struct Answers {
        QString chosen{}, rejected{};
    };
    std::optional<Answers> answers{};  ///< of a labelled pair
};

/// {"prompt": text or messages, "split"?}. Other keys are ignored. Error: what is wrong with the line.
ImportRow promptRow(const files::OrderedJson& value);

/// {"prompt","chosen","rejected"} as TRL takes them: all three plain text, or the prompt a list of messages and each
/// answer a list of one assistant message. Where there is no prompt (or a plain one beside conversations), it is the
/// common beginning of chosen and rejected, as TRL's maybe_extract_prompt takes it. Error: what is wrong with the line.
ImportRow pairRow(const files::OrderedJson& value);

/// UTF-8 to QString; Error when it is not valid.
QString decoded(std::string_view bytes);

}  // namespace prefbench::exchange
