#include "core/exchange/export.h"

#include <QSaveFile>
#include <QStringList>

#include "core/files/json.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/prompts.h"
#include "core/project/utf8.h"

namespace prefbench::exchange {

using files::OrderedJson;
using project::LabelledPair;
using project::toUtf8;

namespace {

const auto trlPairs = QStringLiteral("trl-pairs");

[[noreturn]] void failToWrite(const QSaveFile& out) {
    throw Error(toUtf8(QStringLiteral("%1: cannot be written: %2").arg(out.fileName(), out.errorString())));
}

std::string trlRow(const project::Prompt& prompt, const QString& chosen, const QString& rejected) {
    const contract::Passage passage = prompt.passage();
    return files::toLine(OrderedJson{{"prompt", contract::toJson(passage)},
                                     {"chosen", contract::toJson(contract::answerTo(passage, toUtf8(chosen)))},
                                     {"rejected", contract::toJson(contract::answerTo(passage, toUtf8(rejected)))}});
}

QHash<QString, project::Completion> answersOf(project::Project& project, const QList<LabelledPair>& pairs) {
    QList<QString> ids;
    for (const LabelledPair& pair : pairs) {
        ids << pair.firstId << pair.secondId;
    }
    return project::Completions(project).byIds(ids);
}

void writePage(project::Project& project, const QList<LabelledPair>& pairs, QSaveFile& out, ExportReport& report) {
    const QHash<QString, project::Completion> answers = answersOf(project, pairs);
    project::Prompts prompts(project);
    for (const LabelledPair& pair : pairs) {
        if (pair.score == 0) {
            ++report.ties;
            continue;
        }
        const QString first = answers[pair.firstId].text, second = answers[pair.secondId].text;
        const project::Prompt prompt = prompts.find(pair.promptId).value();
        const std::string line =
            (pair.score > 0 ? trlRow(prompt, first, second) : trlRow(prompt, second, first)) + '\n';
        if (out.write(line.data(), qint64(line.size())) != qint64(line.size())) {
            failToWrite(out);
        }
        ++report.rows;
    }
}

}  // namespace

ExportReport exportPairs(project::Project& project, const QString& file, const QString& format) {
    if (!exportFormats().contains(format)) {
        throw Error(toUtf8(QStringLiteral("there is no export format \"%1\"; the formats are: %2")
                               .arg(format, exportFormats().join(QStringLiteral(", ")))));
    }
    QSaveFile out(file);
    if (!out.open(QIODevice::WriteOnly)) {
        failToWrite(out);
    }
    ExportReport report;
    project::Judgements judgements(project);
    for (QList<LabelledPair> page = judgements.labelledPairs(); !page.isEmpty();
         page = judgements.labelledPairs(page.last().comparisonId)) {
        writePage(project, page, out, report);
    }
    if (report.rows == 0) {
        out.cancelWriting();
        throw Error(toUtf8(
            project.path() +
            (report.ties > 0 ? QStringLiteral(": all %1 labels are ties; there is no pair to export").arg(report.ties)
                             : QStringLiteral(": there are no labelled pairs to export yet"))));
    }
    if (!out.commit()) {
        failToWrite(out);
    }
    return report;
}

QStringList exportFormats() {
    return {trlPairs};
}

QString ExportReport::summary() const {
    const QString text = QStringLiteral("Exported %1 pairs").arg(rows);
    return ties > 0 ? text + QStringLiteral("; %1 ties left out").arg(ties) : text;
}

}  // namespace prefbench::exchange
