#pragma once

#include <QList>
#include <QString>
#include <QWidget>

#include "ui/pages/workbench.h"

namespace prefbench::pages {

/// One line of the `?` sheet.
struct KeyHelp {
    QString keys;  ///< "1 … 7", "Ctrl+Z"
    QString action;
};

/// One entry of the rail. A page is a thin composition: it shows value structs that jobs on the store bring, and never
/// waits for disk, database or engine.
class Page : public QWidget {
    Q_OBJECT
  public:
    explicit Page(Workbench& workbench, QWidget* parent = nullptr) : QWidget(parent), workbench_(workbench) {}

    /// Never translated: "overview", "sample", "label", "train". What requestPage takes.
    virtual QString name() const = 0;
    /// The rail's and the View menu's word.
    virtual QString title() const = 0;
    /// Of widgets::icon.
    virtual QString iconName() const = 0;
    virtual QList<KeyHelp> keys() const { return {}; }

    /// A project was opened; also called for a page that is not on show. Start from nothing.
    virtual void projectOpened() {}
    /// The project goes: drop what belongs to it (jobs, watchers, references to the store).
    virtual void projectClosed() {}
    /// Something in the project changed (Workbench::notifyChanged), whoever did it.
    virtual void projectChanged() {}
    /// The page comes on show: take the focus, refresh.
    virtual void activated() {}
    virtual void deactivated() {}

  protected:
    Workbench& workbench() const { return workbench_; }

  private:
    Workbench& workbench_;
};

}  // namespace prefbench::pages
