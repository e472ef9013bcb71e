#pragma once

#include <QWidget>

#include "core/contract/run_directory.h"
#include "ui/charts/run_data.h"

namespace prefbench::widgets {
class Label;
}

namespace prefbench::pages {

/// A run's five numbers to read from afar. Evaluation leads where there is one; training stands below it.
class Headline : public QWidget {
    Q_OBJECT
  public:
    explicit Headline(QWidget* parent = nullptr);
    void present(const contract::RunStatus& status, const charts::RunData& data);
    /// What stands under that name ("loss", "accuracy"…), for tests.
    QString figure(const QString& name) const;

  private:
    struct Tile {
        QString name;
        widgets::Label* figure;
        widgets::Label* note;
    };
    void addTile(const QString& name, const QString& heading);
    void show(std::size_t tile, const QString& figure, const QString& note);
    QList<Tile> tiles_;
};

}  // namespace prefbench::pages
