#include "ui/pages/label/annotator_view.h"

#include <pwd.h>
#include <unistd.h>

#include <QLineEdit>
#include <QSettings>

#include "ui/widgets/theme.h"

namespace prefbench::pages {

namespace {

QString systemUserName() {
    if (const passwd* entry = getpwuid(getuid())) {
        const QString full = QString::fromLocal8Bit(entry->pw_gecos).section(QLatin1Char(','), 0, 0).trimmed();
        return full.isEmpty() ? QString::fromLocal8Bit(entry->pw_name) : full;
    }
    return qEnvironmentVariable("USER");
}

QString settingOf(const QString& projectPath) {
    return QStringLiteral("annotator/") + QString(projectPath).replace(u'/', u'|');
}

}  // namespace

AnnotatorView::AnnotatorView(QWidget* parent) : StateView(parent), edit_(new QLineEdit(this)) {
    edit_->setObjectName(QStringLiteral("annotatorName"));
    edit_->setFixedWidth(widgets::em(this, 20));
    edit_->setAccessibleName(tr("Your name"));
    addWidget(edit_);
    connect(edit_, &QLineEdit::returnPressed, this, &AnnotatorView::giveName);
}

void AnnotatorView::ask(const QString& problem) {
    if (edit_->text().isEmpty()) {
        edit_->setText(systemUserName());
    }
    showEmpty(tr("Who is labelling?"),
              problem.isEmpty() ? tr("Your answers are stored under this name in the project.") : problem,
              tr("Start labelling"), [this] { giveName(); });
    edit_->selectAll();
}

void AnnotatorView::setName(const QString& name) {
    edit_->setText(name);
}

void AnnotatorView::focusName() {
    edit_->setFocus();
}

QString AnnotatorView::rememberedFor(const QString& projectPath) {
    return QSettings().value(settingOf(projectPath)).toString();
}

void AnnotatorView::remember(const QString& projectPath, const QString& name) {
    QSettings().setValue(settingOf(projectPath), name);
}

void AnnotatorView::giveName() {
    if (const QString name = edit_->text().simplified(); !name.isEmpty()) {
        Q_EMIT named(name);
    }
}

}  // namespace prefbench::pages
