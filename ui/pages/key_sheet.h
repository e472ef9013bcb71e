#pragma once

#include <QDialog>

#include "ui/pages/page.h"

namespace prefbench::pages {

/// The `?` sheet: the keys of the page on show and of the window. Any key or click closes it.
class KeySheet : public QDialog {
    Q_OBJECT
  public:
    KeySheet(const QString& pageTitle, const QList<KeyHelp>& pageKeys, const QList<KeyHelp>& windowKeys,
             QWidget* parent = nullptr);

  protected:
    void keyPressEvent(QKeyEvent* event) override;
};

}  // namespace prefbench::pages
