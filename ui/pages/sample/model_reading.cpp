#include "ui/pages/sample/model_reading.h"

#include <QHBoxLayout>
#include <QLocale>
#include <QStackedLayout>
#include <QToolButton>
#include <algorithm>

#include "ui/widgets/disclosure.h"
#include "ui/widgets/state_view.h"
#include "ui/widgets/theme.h"
#include "ui/widgets/token_text.h"

namespace prefbench::pages {

namespace {

constexpr qsizetype kMostShown = 5000;  // tokens; more make the window wait

}  // namespace

ModelReading::ModelReading(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
    disclosure_ = new widgets::Disclosure(tr("&What the model reads"), QStringLiteral("sample/modelReading"), this);
    disclosure_->button()->setToolTip(tr("A prompt after the model's chat template, token by token"));
    disclosure_->setContent(buildContent());
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(disclosure_);
    connect(disclosure_, &widgets::Disclosure::toggled, this, [this](bool open) {
        refresh();
        Q_EMIT toggled(open);
    });
    connect(&reader_, &jobs::PromptReader::finished, this, &ModelReading::present);
    connect(&reader_, &jobs::PromptReader::failed, this, &ModelReading::showProblem);
    showState();
}

QWidget* ModelReading::buildContent() {
    auto* content = new QWidget(this);
    auto* column = new QVBoxLayout(content);
    widgets::setLayoutGrid(column, this, 0, widgets::kTightSpacing);
    bar_ = new QWidget(content);
    auto* row = new QHBoxLayout(bar_);
    widgets::setLayoutGrid(row, this, 0, widgets::kTightSpacing);
    const auto button = [this](Qt::ArrowType arrow, const QString& name, int step) {
        auto* made = new QToolButton(bar_);
        made->setArrowType(arrow);
        made->setToolTip(name);
        made->setAccessibleName(name);
        connect(made, &QToolButton::clicked, this, [this, step] { go(source_.place + step); });
        return made;
    };
    previous_ = button(Qt::LeftArrow, tr("Previous prompt"), -1);
    next_ = button(Qt::RightArrow, tr("Next prompt"), 1);
    place_ = new widgets::Label(widgets::Label::Role::Body, {}, bar_);
    count_ = widgets::secondaryLabel({}, bar_);
    count_->setWordWrap(false);
    token_ = widgets::secondaryLabel({}, bar_);
    token_->setWordWrap(false);
    row->addWidget(previous_);
    row->addWidget(place_);
    row->addWidget(next_);
    row->addWidget(count_, 1);
    row->addWidget(token_);
    column->addWidget(bar_);

    auto* area = new QWidget(content);
    stack_ = new QStackedLayout(area);
    stack_->setContentsMargins(0, 0, 0, 0);
    state_ = new widgets::StateView(area);
    text_ = new widgets::TokenText(area);
    text_->setAccessibleName(tr("What the model reads"));
    text_->setAccessibleDescription(tr("Left and Right go from token to token"));
    connect(text_, &widgets::TokenText::currentChanged, this, &ModelReading::describeToken);
    stack_->addWidget(state_);
    stack_->addWidget(text_);
    column->addWidget(area, 1);
    return content;
}

void ModelReading::setSource(const QString& modelFolder, std::optional<project::Split> split, qint64 count) {
    const qint64 place =
        split == source_.split ? std::clamp<qint64>(source_.place, 0, std::max<qint64>(count - 1, 0)) : 0;
    source_ = {modelFolder, split, count, place};
    refresh();
}

void ModelReading::go(qint64 place) {
    source_.place = std::clamp<qint64>(place, 0, std::max<qint64>(source_.count - 1, 0));
    refresh();
}

void ModelReading::refresh() {
    previous_->setEnabled(source_.place > 0);
    next_->setEnabled(source_.place + 1 < source_.count);
    const QLocale locale;
    place_->setText(tr("Prompt %1 of %2").arg(locale.toString(source_.place + 1), locale.toString(source_.count)));
    if (!disclosure_->isOpen() || shown_ == source_) {
        return;
    }
    reader_.stop();
    shown_ = source_;
    showState();
    if (source_.count == 0 || source_.modelFolder.isEmpty() || !workbench_.isOpen()) {
        return;
    }
    workbench_.store().run([split = source_.split, place = source_.place](
                               project::Project& project) { return project::Prompts(project).at(split, place); },
                           this,
                           [this, asked = source_](const std::optional<project::Prompt>& prompt) {
                               if (prompt && shown_ == asked) {
                                   readPrompt(*prompt);
                               }
                           },
                           [this, asked = source_](const QString& message) {
                               if (shown_ == asked) {
                                   showProblem(message);
                               }
                           });
}

void ModelReading::readPrompt(const project::Prompt& prompt) {
    reader_.read(source_.modelFolder, prompt.passage());
}

/// What stands here until there is text to show.
void ModelReading::showState() {
    count_->clear();
    token_->clear();
    bar_->setVisible(source_.count > 0);
    if (source_.count == 0) {
        state_->showEmpty(tr("No prompts yet"), tr("The first prompt stands here as the model reads it."));
    } else if (source_.modelFolder.isEmpty()) {
        state_->showEmpty(tr("No model is chosen"), tr("Choose one to see the prompts as it reads them."));
    } else {
        state_->showLoading(tr("Asking the model's tokenizer"));
    }
    stack_->setCurrentWidget(state_);
}

void ModelReading::present(const contract::Rendering& rendering) {
    QList<widgets::TokenText::Token> tokens;
    for (const contract::Rendering::Token& token : rendering.tokens) {
        if (tokens.size() == kMostShown) {
            break;
        }
        tokens.append({token.id, QString::fromStdString(token.text), token.special});
    }
    const auto all = static_cast<qsizetype>(rendering.tokens.size());
    const QLocale locale;
    count_->setText(all > tokens.size()
                        ? tr("%1 tokens, the first %2 shown").arg(locale.toString(all), locale.toString(tokens.size()))
                        : tr("%1 tokens").arg(locale.toString(all)));
    text_->setTokens(tokens);
    stack_->setCurrentWidget(text_);
    describeToken();
}

void ModelReading::showProblem(const QString& message) {
    state_->showError(tr("The prompt cannot be shown as the model reads it"), message, tr("Try again"), [this] {
        shown_.reset();
        refresh();
    });
    stack_->setCurrentWidget(state_);
}

void ModelReading::describeToken() {
    token_->setText(text_->hasFocus() || text_->textCursor().hasSelection() ? text_->description(text_->current())
                                                                            : QString());
}

}  // namespace prefbench::pages
