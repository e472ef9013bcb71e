#include "ui/pages/train/samples_view.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QScrollArea>
#include <QStackedLayout>
#include <algorithm>

#include "core/files/json_lines.h"
#include "ui/pages/train/aside.h"
#include "ui/pages/turns.h"
#include "ui/widgets/state_view.h"
#include "ui/widgets/theme.h"
#include "ui/widgets/turns_view.h"

namespace prefbench::pages {

QList<RunSample> readRunSamples(const std::filesystem::path& file) {
    QList<RunSample> samples;
    if (!std::filesystem::exists(file)) {
        return samples;
    }
    files::readJsonLinesFile(
        file,
        [&](std::int64_t, const files::OrderedJson& line) {
            RunSample sample;
            sample.step = line.at("step").get<std::int64_t>();
            sample.prompt.messages = QByteArray::fromStdString(files::toLine(line.at("prompt")));
            sample.answer = QString::fromStdString(line.at("completion").get<std::string>());
            samples.append(std::move(sample));
        },
        [](const files::BadLine&) {});
    return samples;
}

SamplesView::SamplesView(QWidget* parent) : QWidget(parent) {
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    widgets::setLayoutGrid(layout, this, 0, widgets::kSpacing);
    auto* bar = new QHBoxLayout;
    auto* label = new QLabel(tr("Compare the model before training with &step"), content);
    step_ = new QComboBox(content);
    step_->setAccessibleName(tr("Step whose answers are shown on the right"));
    label->setBuddy(step_);
    bar->addWidget(label);
    bar->addWidget(step_);
    bar->addStretch(1);
    layout->addLayout(bar);
    auto* scroll = new QScrollArea(content);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    auto* inner = new QWidget(scroll);
    column_ = new QVBoxLayout(inner);
    widgets::setLayoutGrid(column_, this, 0, widgets::kSpacing);
    column_->addStretch(1);
    scroll->setWidget(inner);
    layout->addWidget(scroll, 1);

    state_ = new widgets::StateView(this);
    stack_ = new QStackedLayout(this);
    stack_->addWidget(state_);
    stack_->addWidget(content);
    connect(step_, &QComboBox::currentIndexChanged, this, &SamplesView::fill);
    clear();
}

void SamplesView::clear() {
    samples_.clear();
    file_.clear();
    step_->clear();
    state_->showEmpty(tr("No samples yet"), tr("At each evaluation the model answers the same few prompts; the answers "
                                               "before and after training then stand here side by side."));
    stack_->setCurrentIndex(0);
}

void SamplesView::load(const std::filesystem::path& file) {
    file_ = file;
    runAside(
        this, [file] { return readRunSamples(file); },
        [this, file](QList<RunSample> samples) {
            if (file == file_) {
                present(std::move(samples));
            }
        },
        [this](const QString& message) {
            state_->showError(tr("The samples cannot be read"), message);
            stack_->setCurrentIndex(0);
        });
}

void SamplesView::present(QList<RunSample> samples) {
    if (samples.isEmpty() || samples.size() == samples_.size()) {
        return;
    }
    samples_ = std::move(samples);
    QList<qint64> steps;
    for (const RunSample& sample : std::as_const(samples_)) {
        if (!steps.contains(sample.step)) {
            steps << sample.step;
        }
    }
    std::sort(steps.begin(), steps.end());
    const QVariant shown = step_->currentData();
    const bool newest = step_->currentIndex() == step_->count() - 1;
    {
        const QSignalBlocker quiet(step_);
        step_->clear();
        for (const qint64 step : std::as_const(steps)) {
            step_->addItem(QLocale().toString(step), step);
        }
        const int kept = step_->findData(shown);
        step_->setCurrentIndex(newest || kept < 0 ? step_->count() - 1 : kept);
    }
    fill();
    stack_->setCurrentIndex(1);
}

void SamplesView::fill() {
    if (samples_.isEmpty()) {
        return;
    }
    while (column_->count() > 1) {
        const std::unique_ptr<QLayoutItem> item(column_->takeAt(0));
        delete item->widget();
    }
    const qint64 first = step_->itemData(0).toLongLong(), chosen = step_->currentData().toLongLong();
    const auto answer = [&](const project::Prompt& prompt, qint64 step) {
        for (const RunSample& sample : std::as_const(samples_)) {
            if (sample.step == step && sample.prompt.messages == prompt.messages) {
                return sample.answer.trimmed();
            }
        }
        return QString();
    };
    for (const RunSample& sample : std::as_const(samples_)) {
        if (sample.step != first) {
            continue;
        }
        auto* card = new widgets::Card(this);
        auto* grid = new QGridLayout(card);
        widgets::setLayoutGrid(grid, this, 2, widgets::kTightSpacing);
        grid->setHorizontalSpacing(widgets::grid(this, widgets::kGroupSpacing));
        auto* prompt = new widgets::TurnsView(card);
        prompt->setTurns(turnsOf(sample.prompt));
        grid->addWidget(prompt, 0, 0, 1, 2);
        int column = 0;
        for (const qint64 step : {first, chosen}) {
            auto* text = new widgets::Label(widgets::Label::Role::Body, answer(sample.prompt, step), card);
            text->setWordWrap(true);
            text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
            text->setAlignment(Qt::AlignTop | Qt::AlignLeading);
            grid->addWidget(widgets::secondaryLabel(
                                step == 0 ? tr("before training") : tr("step %1").arg(QLocale().toString(step)), card),
                            1, column);
            grid->addWidget(text, 2, column);
            grid->setColumnStretch(column, 1);
            if (++column == 1 && first == chosen) {
                grid->setColumnStretch(1, 1);
                break;
            }
        }
        column_->insertWidget(column_->count() - 1, card);
    }
}

}  // namespace prefbench::pages
