#pragma once

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <memory>

#include "core/project/annotators.h"
#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/models.h"
#include "core/project/project.h"
#include "core/project/prompts.h"

/// A project in a folder of its own with a model that nothing loads, and short words for filling it.
class ScratchProject {
  public:
    ScratchProject() : project_(prefbench::project::Project::create(path())) {
        using namespace prefbench::project;
        modelId_ =
            Models(*project_).ensure(QStringLiteral(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2"), QStringLiteral("gpt2"));
        annotatorId_ = Annotators(*project_).ensure(QStringLiteral("ann"), AnnotatorKind::Human);
    }

    QString path() const { return folder_.filePath(QStringLiteral("scratch.prefbench")); }
    QString folder() const { return folder_.path(); }
    prefbench::project::Project& operator*() { return *project_; }
    const QString& modelId() const { return modelId_; }
    const QString& annotatorId() const { return annotatorId_; }

    QString addPrompt(const QString& text, prefbench::project::Split split = prefbench::project::Split::Train) {
        using namespace prefbench::project;
        return Prompts(*project_).add(Prompt::plainMessages(text), split, QStringLiteral("test"));
    }

    /// In one transaction: a disk may take a while over each.
    void addPrompts(const QStringList& texts, prefbench::project::Split split = prefbench::project::Split::Train) {
        prefbench::project::Transaction transaction(*project_);
        for (const QString& text : texts) {
            addPrompt(text, split);
        }
        transaction.commit();
    }

    static QStringList numbered(const QString& text, int first, int end) {
        QStringList texts;
        for (int i = first; i < end; ++i) {
            texts << QStringLiteral("%1 %2").arg(text).arg(i);
        }
        return texts;
    }

    QString addComparison(const QString& promptId, const QString& first, const QString& second) {
        using namespace prefbench::project;
        Comparison comparison;
        comparison.promptId = promptId;
        comparison.origin = QStringLiteral("sampled");
        for (const QString& text : {first, second}) {
            Completion completion;
            completion.promptId = promptId;
            completion.text = text;
            completion.origin = QStringLiteral("human");
            comparison.completionIds << Completions(*project_).add(completion);
        }
        return Comparisons(*project_).add(comparison);
    }

    void label(const QString& comparisonId, int score, const QString& annotatorId = {}) {
        using namespace prefbench::project;
        Judgement judgement;
        judgement.comparisonId = comparisonId;
        judgement.annotatorId = annotatorId.isEmpty() ? annotatorId_ : annotatorId;
        judgement.screen = score;
        Judgements(*project_).append(judgement);
    }

    void addLabelledPair(const QString& promptId, const QString& first, const QString& second, int score) {
        label(addComparison(promptId, first, second), score);
    }

  private:
    QTemporaryDir folder_;
    std::unique_ptr<prefbench::project::Project> project_;
    QString modelId_, annotatorId_;
};
