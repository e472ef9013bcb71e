#include "core/workbench/starter_project.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>

#include "core/exchange/export.h"
#include "core/exchange/import.h"
#include "core/project/models.h"
#include "core/project/utf8.h"

namespace prefbench::workbench {

using project::Project;
using project::toUtf8;

namespace {

/// The copied model's folder, taken away again unless `keep` was called.
class ModelCopy {
  public:
    ModelCopy(const QString& source, const QString& target) : target_(target) { exchange::exportModel(source, target); }
    ~ModelCopy() {
        if (!kept_) {
            QDir(target_).removeRecursively();
        }
    }
    void keep() { kept_ = true; }
    ModelCopy(const ModelCopy&) = delete;
    ModelCopy& operator=(const ModelCopy&) = delete;

  private:
    QString target_;
    bool kept_ = false;
};

void fill(Project& project, const QString& starter) {
    const QString target = project.dataFolder() + QStringLiteral("/models/starter");
    ModelCopy copy(starter + QStringLiteral("/model"), target);
    project::Transaction transaction(project);
    project::Models(project).ensure(target, QStringLiteral("Starter"));
    exchange::importFile(project, starter + QStringLiteral("/prompts.jsonl"), QStringLiteral("prompts-jsonl"));
    transaction.commit();
    copy.keep();
}

}  // namespace

QString resourceFolder() {
    return QDir::cleanPath(QCoreApplication::applicationDirPath() + QStringLiteral("/../share/prefbench"));
}

std::unique_ptr<Project> createStarterProject(const QString& path) {
    const QString starter = resourceFolder() + QStringLiteral("/starter");
    for (const char* name : {"prompts.jsonl", "model/config.json"}) {
        const QString file = starter + QLatin1Char('/') + QLatin1String(name);
        if (!QFile::exists(file)) {
            throw Error(
                toUtf8(file + QStringLiteral(": the starter project's file is missing; install Prefbench again")));
        }
    }
    std::unique_ptr<Project> project = Project::create(path);
    try {
        fill(*project, starter);
    } catch (...) {
        const QString made = project->path(), data = project->dataFolder();
        project.reset();
        QFile::remove(made);
        QFile::remove(made + QStringLiteral("-journal"));
        QDir(data).rmdir(QStringLiteral("models"));
        QDir().rmdir(data);
        throw;
    }
    return project;
}

QString ensureStarterProject(const QString& folder) {
    const QString path = QDir(folder).absoluteFilePath(QStringLiteral("starter.prefbench"));
    if (QFile::exists(path)) {
        return path;
    }
    if (!QDir().mkpath(folder)) {
        throw Error(toUtf8(folder + QStringLiteral(": the folder cannot be created")));
    }
    createStarterProject(path);
    return path;
}

}  // namespace prefbench::workbench
