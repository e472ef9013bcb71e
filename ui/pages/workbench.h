#pragma once

#include <QMap>
#include <QObject>
#include <memory>
#include <vector>

#include "core/workbench/store.h"

namespace prefbench::pages {

/// What the window and its pages share: the open project, what is being saved and what is running. Lives on the
/// window's thread.
class Workbench : public QObject {
    Q_OBJECT
  public:
    explicit Workbench(QObject* parent = nullptr);
    ~Workbench() override;

    bool isOpen() const { return store_ != nullptr; }
    /// Only while `isOpen()`. Another object after every `projectOpened`: hold no reference over `projectClosed`.
    workbench::Store& store();
    /// Absolute path of the open project file; empty when none is open.
    QString projectPath() const { return path_; }
    /// Read-only because the file is from a newer version or may not be written.
    bool isReadOnly() const { return readOnly_; }
    bool isNewer() const { return newer_; }

    /// Opens (or creates) a project beside the open one and changes over once it is open; `projectClosed` and
    /// `projectOpened` follow, or `openFailed` and the open one stays.
    void openProject(const QString& path, bool create = false);
    void closeProject();
    bool isOpening() const { return opening_ != nullptr; }

    /// Status bar: what is being written. Every beginSave is ended by one endSave; an empty `problem` means saved.
    void beginSave();
    void endSave(const QString& problem = {});
    /// Status bar: something worth a line, gone after some seconds.
    void showMessage(const QString& text);
    /// Status bar: work that goes on ("Sampling: 120 of 500, about 2 min left"). `key` names it; empty text ends it.
    void setRunning(const QString& key, const QString& text);
    const QMap<QString, QString>& running() const { return running_; }

    /// To be called after anything in the project changed (samples stored, labels made, run created): other pages
    /// refresh.
    void notifyChanged();
    /// Asks the window to show the page of that name ("overview", "sample", "label", "train").
    void requestPage(const QString& name);

    /// Size of texts under judgement and samples relative to the usual, 0.7…2.5; remembered.
    double textScale() const { return textScale_; }
    void setTextScale(double scale);

  Q_SIGNALS:
    void projectOpened();
    /// The store is still there, for the last time.
    void projectClosed();
    void openFailed(const QString& path, const QString& message);
    void changed();
    void pageRequested(const QString& name);
    void savingChanged(bool saving, const QString& problem);
    void messageShown(const QString& text);
    void runningChanged();
    void textScaleChanged(double scale);

  private:
    void letGo(std::unique_ptr<workbench::Store> store);

    std::unique_ptr<workbench::Store> store_;
    std::unique_ptr<workbench::Store> opening_;
    std::vector<std::unique_ptr<workbench::Store>> closing_;  ///< still finishing what they were given
    QString path_;
    bool readOnly_ = false;
    bool newer_ = false;
    int saving_ = 0;
    QMap<QString, QString> running_;
    double textScale_ = 1;
};

}  // namespace prefbench::pages
