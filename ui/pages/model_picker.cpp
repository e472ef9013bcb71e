#include "ui/pages/model_picker.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QSettings>
#include <QVBoxLayout>

#include "core/files/model_folder.h"
#include "core/project/models.h"
#include "ui/pages/train/aside.h"
#include "ui/widgets/choice_box.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {
namespace {

const QString kModelFolder = QStringLiteral("files/modelFolder");

}  // namespace

ModelPicker::ModelPicker(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
    auto* column = new QVBoxLayout(this);
    widgets::setLayoutGrid(column, this, 0, 0.5);
    box_ = new widgets::ChoiceBox(this);
    box_->setAccessibleName(tr("Model"));
    box_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    box_->setMinimumContentsLength(8);
    column->addWidget(box_);
    problem_ = new QLabel(this);
    problem_->setTextFormat(Qt::PlainText);
    problem_->setWordWrap(true);
    problem_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    problem_->hide();
    column->addWidget(problem_);
    setFocusProxy(box_);
    connect(box_, &QComboBox::activated, this, &ModelPicker::itemChosen);
    present({});
}

void ModelPicker::load() {
    if (!workbench_.isOpen()) {
        return;
    }
    workbench_.store().run(
        [](project::Project& project) {
            QList<Entry> entries;
            for (const project::Model& model : project::Models(project).all()) {
                entries.append({model.id, model.name, project.absolutePath(model.folder)});
            }
            return entries;
        },
        this,
        [this](const QList<Entry>& entries) {
            present(entries);
            Q_EMIT loaded();
        },
        [this](const QString& message) { showProblem(message); });
}

void ModelPicker::clear() {
    chosen_.clear();
    showProblem({});
    present({});
}

void ModelPicker::present(const QList<Entry>& entries) {
    entries_ = entries;
    box_->clear();
    for (const Entry& entry : entries_) {
        box_->addItem(entry.name, entry.id);
        box_->setItemData(box_->count() - 1, QDir::toNativeSeparators(entry.folder), Qt::ToolTipRole);
    }
    if (entries_.isEmpty()) {
        box_->setPlaceholderText(tr("No model yet"));
    } else {
        box_->insertSeparator(box_->count());
    }
    box_->addItem(tr("Other folder…"));
    const bool kept = box_->findData(chosen_) >= 0 && !chosen_.isEmpty();
    choose(kept || entries_.isEmpty() ? chosen_ : entries_.first().id);
}

void ModelPicker::choose(const QString& modelId) {
    const int index = modelId.isEmpty() ? -1 : box_->findData(modelId);
    box_->setCurrentIndex(index);
    const QString before = chosen_;
    chosen_ = index < 0 ? QString() : modelId;
    box_->setToolTip(modelFolder());
    if (chosen_ != before) {
        Q_EMIT changed();
    }
}

QString ModelPicker::modelId() const {
    return chosen_;
}

QString ModelPicker::modelFolder() const {
    for (const Entry& entry : entries_) {
        if (entry.id == chosen_) {
            return entry.folder;
        }
    }
    return {};
}

QString ModelPicker::problem() const {
    return problem_->text();
}

void ModelPicker::itemChosen(int index) {
    const QString id = box_->itemData(index).toString();
    if (!id.isEmpty()) {
        showProblem({});
        choose(id);
        return;
    }
    choose(chosen_);
    const QString start = QSettings().value(kModelFolder, QDir::homePath()).toString();
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Folder of a Hugging Face model"), start);
    if (!folder.isEmpty()) {
        QSettings().setValue(kModelFolder, QFileInfo(folder).absolutePath());
        tryFolder(folder);
    }
}

void ModelPicker::tryFolder(const QString& folder) {
    showProblem({});
    const auto failed = [this](const QString& message) { showProblem(message); };
    runAside(
        this, [folder] { files::checkModelFolder(folder.toStdString()); },
        [this, folder, failed] {
            if (!workbench_.isOpen()) {
                return;
            }
            workbench_.store().run(
                [folder](project::Project& project) {
                    return project::Models(project).ensure(folder, QFileInfo(folder).fileName());
                },
                this,
                [this](const QString& id) {
                    chosen_ = id;
                    load();
                    Q_EMIT changed();
                },
                failed);
        },
        failed);
}

void ModelPicker::showProblem(const QString& problem) {
    problem_->setText(problem);
    problem_->setVisible(!problem.isEmpty());
}

}  // namespace prefbench::pages
