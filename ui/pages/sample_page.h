#pragma once

#include <QElapsedTimer>
#include <QPointer>

#include "core/workbench/sampling_job.h"
#include "ui/pages/page.h"

class QProgressBar;
class QPushButton;
class QStackedLayout;
class QVBoxLayout;

namespace prefbench::widgets {
class Label;
class NoticeBar;
class PrimaryButton;
class StateView;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class ModelPicker;
class ModelReading;
class SamplePreview;
class SamplingForm;

/// Draws answers from a model for the project's prompts and makes comparisons of them, with the text streaming in.
class SamplePage : public Page {
    Q_OBJECT
  public:
    explicit SamplePage(Workbench& workbench, QWidget* parent = nullptr);
    ~SamplePage() override;

    QString name() const override { return QStringLiteral("sample"); }
    QString title() const override { return tr("&Sample"); }
    QString iconName() const override { return QStringLiteral("sample"); }
    QList<KeyHelp> keys() const override;
    void projectOpened() override;
    void projectClosed() override;
    void projectChanged() override;
    void activated() override;

    void startSampling();
    void cancelSampling();
    bool isSampling() const { return job_ != nullptr; }
    ModelPicker* modelPicker() const;
    SamplingForm* form() const { return form_; }
    SamplePreview* preview() const { return preview_; }
    ModelReading* reading() const { return reading_; }
    /// What stands in the bar above the answers: a result or a problem, or nothing.
    QString notice() const;

  private:
    /// What the page needs to know of the project.
    struct Counts {
        qint64 trainPrompts = 0, testPrompts = 0, answers = 0, comparisons = 0;
    };
    QWidget* buildSettings();
    QWidget* buildAnswers();
    void load();
    void present(const Counts& counts);
    void updateButton();
    void formChanged();
    void shareHeight(bool readingOpen);
    void showProgress(const workbench::SamplingJob::Progress& progress);
    void finish(const workbench::SamplingJob::Progress& progress);
    void fail(const QString& message);
    void endJob();

    SamplingForm* form_;
    widgets::PrimaryButton* start_;
    QPushButton* cancel_;
    QProgressBar* bar_;
    widgets::Label* progressText_;
    widgets::NoticeBar* notice_;
    widgets::StateView* state_;
    SamplePreview* preview_;
    QStackedLayout* stack_;
    ModelReading* reading_;
    QVBoxLayout* answers_;
    Counts counts_;
    QPointer<workbench::SamplingJob> job_;
    bool cancelled_ = false, stale_ = true;
    QElapsedTimer told_;  ///< since the other pages last heard of new answers
};

}  // namespace prefbench::pages
