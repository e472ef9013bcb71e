#pragma once

#include <QList>
#include <QString>
#include <QWidget>

#include "ui/pages/workbench.h"

class QComboBox;
class QLabel;

namespace prefbench::pages {

/// The project's models and "Other folder…", which is checked aside before it joins them; what is wrong with a folder
/// stands below the box.
class ModelPicker : public QWidget {
    Q_OBJECT
  public:
    explicit ModelPicker(Workbench& workbench, QWidget* parent = nullptr);

    /// Reads the project's models anew; the choice stays.
    void load();
    void clear();
    void choose(const QString& modelId);
    /// Empty while there is none.
    QString modelId() const;
    /// Absolute folder of the chosen model.
    QString modelFolder() const;
    QString problem() const;
    /// Adds a folder as if the person had picked it.
    void tryFolder(const QString& folder);

  Q_SIGNALS:
    void changed();
    void loaded();

  private:
    struct Entry {
        QString id, name, folder;
    };
    void present(const QList<Entry>& entries);
    void itemChosen(int index);
    void showProblem(const QString& problem);

    Workbench& workbench_;
    QComboBox* box_;
    QLabel* problem_;
    QList<Entry> entries_;
    QString chosen_;
};

}  // namespace prefbench::pages
