#pragma once

#include <QTemporaryDir>
#include <QTest>
#include <memory>

#include "core/project/annotators.h"
#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/project.h"
#include "core/project/prompts.h"

/// A new project in a folder of its own, with shorthands to fill it.
class TemporaryProject {
  public:
    TemporaryProject() : project_(prefbench::project::Project::create(path())) {}

    QString path() const { return folder_.filePath(QStringLiteral("test.prefbench")); }
    QString filePath(const QString& name) const { return folder_.filePath(name); }
    prefbench::project::Project& operator*() { return *project_; }
    prefbench::project::Project* operator->() { return project_.get(); }
    void close() { project_.reset(); }
    void reopen() {
        close();
        project_ = prefbench::project::Project::open(path());
    }

    QString addPrompt(const QString& text, prefbench::project::Split split = prefbench::project::Split::Train) {
        using prefbench::project::Prompt;
        return prefbench::project::Prompts(*project_).add(Prompt::plainMessages(text), split, QStringLiteral("test"));
    }
    QString addCompletion(const QString& promptId, const QString& text) {
        prefbench::project::Completion completion;
        completion.promptId = promptId;
        completion.text = text;
        completion.origin = QStringLiteral("human");
        return prefbench::project::Completions(*project_).add(completion);
    }
    /// A comparison of two answers to the prompt.
    QString addComparison(const QString& promptId, const QString& first, const QString& second, double priority = 0) {
        prefbench::project::Comparison comparison;
        comparison.promptId = promptId;
        comparison.completionIds = {addCompletion(promptId, first), addCompletion(promptId, second)};
        comparison.origin = QStringLiteral("sampled");
        comparison.priority = priority;
        return prefbench::project::Comparisons(*project_).add(comparison);
    }
    /// `count` comparisons, each of a prompt of its own, in one transaction.
    QStringList addComparisons(int count) {
        prefbench::project::Transaction transaction(*project_);
        QStringList ids;
        for (int i = 0; i < count; ++i) {
            ids << addComparison(addPrompt(QStringLiteral("prompt %1").arg(i)), QStringLiteral("a"),
                                 QStringLiteral("b"));
        }
        transaction.commit();
        return ids;
    }
    QString annotator(const QString& name = QStringLiteral("ann")) {
        return prefbench::project::Annotators(*project_).ensure(name, prefbench::project::AnnotatorKind::Human);
    }

  private:
    QTemporaryDir folder_;
    std::unique_ptr<prefbench::project::Project> project_;
};

/// Evaluates to the message of the Error that `expression` throws; fails the test when it throws none.
template <class Function>
QString errorOf(Function function) {
    try {
        function();
    } catch (const prefbench::Error& error) {
        return QString::fromUtf8(error.what());
    }
    return QStringLiteral("(no error)");
}
