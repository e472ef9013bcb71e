#include "core/exchange/import_row.h"

#include <QStringDecoder>
#include <algorithm>

#include "core/contract/passage.h"
#include "core/files/error.h"
#include "core/project/utf8.h"

namespace prefbench::exchange {

using files::OrderedJson;

namespace {

const OrderedJson& member(const OrderedJson& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) {
        throw Error(std::string("\"") + key + "\" is missing");
    }
    return *found;
}

void checkObject(const OrderedJson& value) {
    if (!value.is_object()) {
        throw Error(std::string("not a JSON object but ") + value.type_name());
    }
}

/// Text or messages; Error for anything else.
const OrderedJson& checkedText(const OrderedJson& value, const std::string& key) {
    contract::passageFromJson(value, key);
    return value;
}

QString text(const OrderedJson& value) {
    return project::fromUtf8(value.get_ref<const std::string&>());
}

QByteArray stored(const OrderedJson& prompt) {
    return QByteArray::fromStdString(prompt.dump());
}

/// The text of an answer given as a list of one assistant message.
QString onlyAnswer(const OrderedJson& messages, const std::string& key) {
    if (messages.size() != 1 || messages[0]["role"] != "assistant" || messages[0].size() != 2) {
        throw Error("\"" + key + "\" must be one assistant message of role and content, found " +
                    std::to_string(messages.size()) + " message(s) starting with role " +
                    files::toLine(messages[0]["role"]));
    }
    return text(messages[0]["content"]);
}

struct Extracted {
    OrderedJson prompt, chosen, rejected;
};

/// How many leading elements TRL takes for the prompt: up to the first difference, or all but the last of the shorter.
template <class Sequence>
qsizetype commonBeginning(const Sequence& chosen, const Sequence& rejected) {
    const qsizetype shorter = std::min(qsizetype(chosen.size()), qsizetype(rejected.size()));
    for (qsizetype i = 0; i < shorter; ++i) {
        if (chosen[i] != rejected[i]) {
            return i;
        }
    }
    return shorter - 1;
}

[[noreturn]] void failNoPrompt() {
    throw Error("there is no \"prompt\", and \"chosen\" and \"rejected\" have no common beginning to take it from");
}

Extracted extractFromText(const OrderedJson& chosen, const OrderedJson& rejected) {
    // By character, as Python counts, never inside one.
    const QString chosenText = text(chosen), rejectedText = text(rejected);
    const QList<uint> left = chosenText.toUcs4(), right = rejectedText.toUcs4();
    qsizetype length = commonBeginning(left, right);
    if (length > 0 && left[length] != right[length] && left[length - 1] == ' ') {
        --length;  // the space belongs to the answer
    }
    if (length <= 0) {
        failNoPrompt();
    }
    const auto units = length + std::count_if(left.begin(), left.begin() + length, QChar::requiresSurrogates);
    return {project::toUtf8(chosenText.left(units)), project::toUtf8(chosenText.mid(units)),
            project::toUtf8(rejectedText.mid(units))};
}

Extracted extractFromMessages(const OrderedJson& chosen, const OrderedJson& rejected) {
    const qsizetype length = commonBeginning(chosen, rejected);
    if (length <= 0) {
        failNoPrompt();
    }
    const auto part = [](const OrderedJson& messages, qsizetype from, qsizetype to) {
        return OrderedJson(std::vector<OrderedJson>(messages.begin() + from, messages.begin() + to));
    };
    return {part(chosen, 0, length), part(chosen, length, qsizetype(chosen.size())),
            part(rejected, length, qsizetype(rejected.size()))};
}

Extracted explicitOrExtracted(const OrderedJson& value) {
    const OrderedJson& chosen = checkedText(member(value, "chosen"), "chosen");
    const OrderedJson& rejected = checkedText(member(value, "rejected"), "rejected");
    if (chosen.is_array() != rejected.is_array()) {
        throw Error("\"chosen\" and \"rejected\" must both be text or both be messages");
    }
    if (value.contains("prompt")) {
        const OrderedJson& prompt = checkedText(value["prompt"], "prompt");
        if (prompt.is_array() == chosen.is_array()) {
            return {prompt, chosen, rejected};
        }
    }
    return chosen.is_array() ? extractFromMessages(chosen, rejected) : extractFromText(chosen, rejected);
}

}  // namespace

ImportRow promptRow(const OrderedJson& value) {
    checkObject(value);
    const OrderedJson& prompt = checkedText(member(value, "prompt"), "prompt");
    if (prompt.is_string() && prompt.get_ref<const std::string&>().empty()) {
        throw Error("\"prompt\" is empty");
    }
    if (prompt.is_array()) {
        contract::refuseTemplateVariables(value);
    }
    ImportRow row;
    row.messages = stored(prompt);
    if (const auto split = value.find("split"); split != value.end()) {
        if (*split != "train" && *split != "test") {
            throw Error("\"split\" must be \"train\" or \"test\", found " + files::toLine(*split).substr(0, 60));
        }
        row.split = *split == "test" ? project::Split::Test : project::Split::Train;
    }
    return row;
}

ImportRow pairRow(const OrderedJson& value) {
    checkObject(value);
    const Extracted parts = explicitOrExtracted(value);
    ImportRow row;
    row.messages = stored(parts.prompt);
    if (parts.chosen.is_array()) {
        contract::refuseTemplateVariables(value);
        row.answers = {onlyAnswer(parts.chosen, "chosen"), onlyAnswer(parts.rejected, "rejected")};
    } else {
        row.answers = {text(parts.chosen), text(parts.rejected)};
    }
    if (row.answers->chosen == row.answers->rejected) {
        throw Error("\"chosen\" and \"rejected\" are the same");
    }
    return row;
}

QString decoded(std::string_view bytes) {
    // With a state, half a character at the end would be no error but left out.
    QStringDecoder decoder(QStringDecoder::Utf8,
                           QStringDecoder::Flag::ConvertInitialBom | QStringDecoder::Flag::Stateless);
    const QString text = decoder(QByteArrayView(bytes.data(), qsizetype(bytes.size())));
    if (decoder.hasError()) {
        throw Error("not valid UTF-8");
    }
    return text;
}

}  // namespace prefbench::exchange
