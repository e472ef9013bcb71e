#pragma once

#include <QDir>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>

#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/project.h"
#include "core/project/prompts.h"

/// A folder and settings of its own for one test function: nothing of the person's is read or written.
class GuiWorkplace {
  public:
    GuiWorkplace() {
        QCoreApplication::setOrganizationName(QStringLiteral("prefbench-test"));
        QCoreApplication::setApplicationName(QStringLiteral("prefbench-test"));
        QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder_.path());
        QSettings().clear();
        qputenv("XDG_DATA_HOME", folder_.filePath(QStringLiteral("data")).toLocal8Bit());
    }

    QString file(const QString& name) const { return folder_.filePath(name); }

    /// A project with `comparisons` comparisons, one a prompt: answers "Answer A of N" and "Answer B of N".
    QString makeProject(int comparisons, const QString& name = QStringLiteral("test.prefbench")) const {
        using namespace prefbench::project;
        const std::unique_ptr<Project> project = Project::create(file(name));
        Transaction transaction(*project);
        for (int i = 0; i < comparisons; ++i) {
            const QString prompt = Prompts(*project).add(Prompt::plainMessages(QStringLiteral("Prompt %1").arg(i)),
                                                         Split::Train, QStringLiteral("test"));
            Comparison comparison;
            comparison.promptId = prompt;
            comparison.origin = QStringLiteral("sampled");
            for (const char* letter : {"A", "B"}) {
                Completion completion;
                completion.promptId = prompt;
                completion.text = QStringLiteral("Answer %1 of %2").arg(QLatin1String(letter)).arg(i);
                comparison.completionIds << Completions(*project).add(completion);
            }
            Comparisons(*project).add(comparison);
        }
        transaction.commit();
        return project->path();
    }

  private:
    QTemporaryDir folder_;
};
