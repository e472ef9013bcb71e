#include "core/exchange/import.h"

#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QSet>
#include <exception>
#include <fstream>

#include "core/exchange/import_row.h"
#include "core/files/json_lines.h"
#include "core/project/annotators.h"
#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/utf8.h"

namespace prefbench::exchange {

using files::OrderedJson;
using project::fromUtf8;
using project::toUtf8;

namespace {

const auto promptsText = QStringLiteral("prompts-text");
const auto promptsJsonl = QStringLiteral("prompts-jsonl");
const auto trlPairs = QStringLiteral("trl-pairs");
const auto imported = QStringLiteral("import");

/// Puts rows into the project; what is there already, by content, is counted and left alone.
class RowStore {
  public:
    RowStore(project::Project& project, project::Split split, const QString& source, ImportReport& report)
        : project_(project), split_(split), source_(source), report_(report) {}

    void add(const ImportRow& row) {
        bool added = false;
        const QString promptId =
            project::Prompts(project_).add(row.messages, row.split.value_or(split_), source_, &added);
        report_.prompts += added;
        if (row.answers) {
            addPair(promptId, added, *row.answers);
        } else {
            report_.duplicates += !added;
        }
    }

  private:
    /// Imported answers of one prompt, and which of them are compared, chosen first.
    struct Known {
        QHash<QString, QString> idByText;
        QSet<std::pair<QString, QString>> pairs;
    };

    void addPair(const QString& promptId, bool promptIsNew, const ImportRow::Answers& answers) {
        Known& known = knownOf(promptId, promptIsNew);
        const std::pair<QString, QString> pair{completion(promptId, answers.chosen, known),
                                               completion(promptId, answers.rejected, known)};
        if (known.pairs.contains(pair)) {
            ++report_.duplicates;
            return;
        }
        known.pairs.insert(pair);
        project::Comparison comparison;
        comparison.promptId = promptId;
        comparison.completionIds = {pair.first, pair.second};
        comparison.origin = imported;
        project::Judgement judgement;
        judgement.comparisonId = project::Comparisons(project_).add(comparison);
        judgement.annotatorId = annotator();
        judgement.screen = 2;
        project::Judgements(project_).append(judgement);
        ++report_.comparisons;
        ++report_.judgements;
    }

    Known& knownOf(const QString& promptId, bool promptIsNew) {
        const auto found = known_.find(promptId);
        if (found != known_.end()) {
            return *found;
        }
        Known& known = known_[promptId];
        if (!promptIsNew) {
            for (const project::Completion& completion : project::Completions(project_).ofPrompt(promptId)) {
                if (completion.origin == imported) {
                    known.idByText.insert(completion.text, completion.id);
                }
            }
            for (const project::Comparison& comparison : project::Comparisons(project_).ofPrompt(promptId)) {
                if (comparison.origin == imported && comparison.completionIds.size() == 2) {
                    known.pairs.insert({comparison.completionIds[0], comparison.completionIds[1]});
                }
            }
        }
        return known;
    }

    QString completion(const QString& promptId, const QString& text, Known& known) {
        QString& id = known.idByText[text];
        if (id.isEmpty()) {
            project::Completion completion;
            completion.promptId = promptId;
            completion.text = text;
            completion.origin = imported;
            id = project::Completions(project_).add(completion);
        }
        return id;
    }

    QString annotator() {
        if (annotatorId_.isEmpty()) {
            annotatorId_ = project::Annotators(project_).ensure(imported, project::AnnotatorKind::Human);
        }
        return annotatorId_;
    }

    project::Project& project_;
    project::Split split_;
    QString source_, annotatorId_;
    ImportReport& report_;
    QHash<QString, Known> known_;
};

std::filesystem::path nativePath(const QString& file) {
    return std::filesystem::path(QFile::encodeName(file).toStdString());
}

using OnRow = std::function<void(const ImportRow&)>;
using OnBad = std::function<void(const files::BadLine&)>;

void readPromptLines(const QString& file, const OnRow& onRow, const OnBad& onBad) {
    std::ifstream in(nativePath(file), std::ios::binary);
    if (!in) {
        throw Error(toUtf8(file + QStringLiteral(": cannot be read")));
    }
    std::string line;
    for (std::int64_t number = 1; std::getline(in, line); ++number) {
        std::string_view bytes = line;
        if (number == 1 && bytes.starts_with("\xEF\xBB\xBF")) {
            bytes.remove_prefix(3);
        }
        if (bytes.ends_with('\r')) {
            bytes.remove_suffix(1);
        }
        try {
            const QString text = decoded(bytes);
            if (!text.trimmed().isEmpty()) {
                ImportRow row;
                row.messages = project::Prompt::plainMessages(text);
                onRow(row);
            }
        } catch (const Error& error) {
            onBad({number, error.what()});
        }
    }
}

void readRows(const QString& file, const QString& format, const OnRow& onRow, const OnBad& onBad) {
    if (format == promptsText) {
        readPromptLines(file, onRow, onBad);
        return;
    }
    const bool pairs = format == trlPairs;
    files::readJsonLinesFile(
        nativePath(file),
        [pairs, &onRow](std::int64_t, const OrderedJson& value) { onRow(pairs ? pairRow(value) : promptRow(value)); },
        onBad);
}

/// By the first line that is a JSON object: pairs where it has an answer that was chosen or rejected, else prompts.
QString detectFormat(const QString& file) {
    const QString suffix = QFileInfo(file).suffix().toLower();
    if (suffix == "txt" || suffix == "text") {
        return promptsText;
    }
    struct Found {
        QString format;
    };
    try {
        files::readJsonLinesFile(
            nativePath(file),
            [](std::int64_t, const OrderedJson& value) {
                if (value.is_object()) {
                    throw Found{value.contains("chosen") || value.contains("rejected") ? trlPairs : promptsJsonl};
                }
            },
            [](const files::BadLine&) {});
    } catch (const Found& found) {
        return found.format;
    }
    const bool namedJson = suffix == "jsonl" || suffix == "json" || suffix == "ndjson";
    return namedJson ? promptsJsonl : promptsText;
}

QString chosenFormat(const QString& file, const QString& format) {
    if (!importFormats().contains(format)) {
        throw Error(toUtf8(QStringLiteral("there is no import format \"%1\"; the formats are: %2")
                               .arg(format, importFormats().join(QStringLiteral(", ")))));
    }
    return format == "auto" ? detectFormat(file) : format;
}

}  // namespace

ImportReport importFile(project::Project& project, const QString& file, const QString& format, project::Split split) {
    const QFileInfo info(file);
    if (!info.isFile() || !info.isReadable()) {
        throw Error(toUtf8(file + (info.exists() ? QStringLiteral(": cannot be read as a file")
                                                 : QStringLiteral(": there is no such file"))));
    }
    ImportReport report;
    report.format = chosenFormat(file, format);
    project::Transaction transaction(project);
    RowStore store(project, split, info.fileName(), report);
    // A failure to store is no fault of the line: it ends the import, and nothing stays.
    std::exception_ptr failure;
    const auto onRow = [&](const ImportRow& row) {
        if (failure) {
            return;
        }
        try {
            store.add(row);
        } catch (...) {
            failure = std::current_exception();
        }
    };
    readRows(file, report.format, onRow, [&report](const files::BadLine& bad) {
        report.problems << ImportProblem{bad.number, fromUtf8(bad.reason)};
    });
    if (failure) {
        std::rethrow_exception(failure);
    }
    if (report.prompts + report.comparisons + report.duplicates == 0) {
        throw Error(toUtf8(report.problems.isEmpty() ? file + QStringLiteral(": there is nothing in it")
                                                     : QStringLiteral("%1: no line could be used as %2 (line %3: %4)")
                                                           .arg(file, report.format)
                                                           .arg(report.problems.first().line)
                                                           .arg(report.problems.first().reason)));
    }
    transaction.commit();
    return report;
}

QStringList importFormats() {
    return {QStringLiteral("auto"), promptsText, promptsJsonl, trlPairs};
}

QString ImportReport::summary() const {
    QString text = QStringLiteral("Added %1 prompts").arg(prompts);
    if (format == trlPairs) {
        text += QStringLiteral(" and %1 labelled pairs").arg(comparisons);
    }
    if (duplicates > 0) {
        text += QStringLiteral("; %1 were there already").arg(duplicates);
    }
    if (!problems.isEmpty()) {
        text += QStringLiteral("; %1 lines left out (line %2: %3)")
                    .arg(problems.size())
                    .arg(problems.first().line)
                    .arg(problems.first().reason);
    }
    return text;
}

QByteArray ImportReport::toJson() const {
    OrderedJson json{{"format", toUtf8(format)}, {"prompts", prompts},       {"comparisons", comparisons},
                     {"judgements", judgements}, {"duplicates", duplicates}, {"problems", OrderedJson::array()}};
    for (const ImportProblem& problem : problems) {
        json["problems"].push_back({{"line", problem.line}, {"reason", toUtf8(problem.reason)}});
    }
    return QByteArray::fromStdString(json.dump(2) + "\n");
}

}  // namespace prefbench::exchange
