#pragma once

#include <QHash>

#include "ui/models/run_list_model.h"
#include "ui/pages/page.h"

class QListView;
class QPushButton;
class QSplitter;
class QStackedWidget;

namespace prefbench::jobs {
class RunWatcher;
}
namespace prefbench::widgets {
class PrimaryButton;
class StateView;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class NewRunPanel;
class RunView;

/// Runs on the left, the chosen one on the right. Every run of the project is listed and those that go on are followed,
/// whoever started them and whether or not this window was open.
class TrainPage : public Page {
    Q_OBJECT
  public:
    explicit TrainPage(Workbench& workbench, QWidget* parent = nullptr);
    ~TrainPage() override;

    QString name() const override { return QStringLiteral("train"); }
    QString title() const override { return tr("&Train"); }
    QString iconName() const override { return QStringLiteral("train"); }
    QList<KeyHelp> keys() const override;
    void projectOpened() override;
    void projectClosed() override;
    void projectChanged() override;
    void activated() override;

    /// Opens the panel of a new run, filled in.
    void newRun();

    const models::RunListModel* runs() const { return model_; }
    RunView* runView() const { return view_; }
    NewRunPanel* newRunPanel() const { return panel_; }

  private:
    QWidget* buildList();
    void focusContent();
    void updateSide();
    void load();
    void present(QList<models::RunRow> rows);
    void showSelected();
    void follow();
    jobs::RunWatcher* watcherOf(const models::RunRow& row);
    void statusChanged(const QString& runId, const contract::RunStatus& status);
    void start();
    void launch(const QString& runId, const QString& folder, bool resume);
    void resume(const QString& runId);
    void useModel(const QString& runId);

    models::RunListModel* model_;
    QWidget* side_;
    QListView* list_;
    QSplitter* splitter_;
    QStackedWidget* stack_;
    widgets::StateView* state_;
    RunView* view_;
    NewRunPanel* panel_;
    widgets::PrimaryButton* newRun_;
    QHash<QString, jobs::RunWatcher*> watchers_;
    QString wanted_;  ///< run to select once it is listed
    bool stale_ = true;
};

}  // namespace prefbench::pages
