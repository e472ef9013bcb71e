#include "ui/pages/workbench.h"

#include <QFileInfo>
#include <QSettings>
#include <algorithm>

namespace prefbench::pages {

namespace {

const QString kTextScale = QStringLiteral("view/textScale");

}  // namespace

Workbench::Workbench(QObject* parent) : QObject(parent) {
    textScale_ = std::clamp(QSettings().value(kTextScale, 1.0).toDouble(), 0.7, 2.5);
}

Workbench::~Workbench() = default;

workbench::Store& Workbench::store() {
    Q_ASSERT(store_);
    return *store_;
}

void Workbench::openProject(const QString& path, bool create) {
    const QString absolute = QFileInfo(path).absoluteFilePath();
    if (opening_) {
        letGo(std::move(opening_));
    }
    opening_ = std::make_unique<workbench::Store>();
    workbench::Store* const candidate = opening_.get();
    connect(candidate, &workbench::Store::opened, this,
            [this, candidate](const QString& opened, bool readOnly, bool newer) {
                if (candidate != opening_.get()) {
                    return;
                }
                std::unique_ptr<workbench::Store> store = std::move(opening_);
                closeProject();
                store_ = std::move(store);
                path_ = QFileInfo(opened).absoluteFilePath();
                readOnly_ = readOnly;
                newer_ = newer;
                Q_EMIT projectOpened();
            });
    connect(candidate, &workbench::Store::openFailed, this, [this, candidate, absolute](const QString& message) {
        if (candidate != opening_.get()) {
            return;
        }
        // Not deleted here: this is one of its own signals.
        opening_.release()->deleteLater();
        Q_EMIT openFailed(absolute, message);
    });
    connect(candidate, &workbench::Store::failed, this, &Workbench::showMessage);
    candidate->open(absolute, create);
}

void Workbench::closeProject() {
    if (!store_) {
        return;
    }
    Q_EMIT projectClosed();
    letGo(std::move(store_));
    path_.clear();
    readOnly_ = newer_ = false;
    saving_ = 0;
    running_.clear();
    Q_EMIT runningChanged();
}

/// A store may have seconds of work before it: the window does not wait for it.
void Workbench::letGo(std::unique_ptr<workbench::Store> store) {
    workbench::Store* const leaving = store.get();
    closing_.push_back(std::move(store));
    leaving->disconnect(this);
    connect(leaving, &workbench::Store::closed, this, [this, leaving] {
        const auto found = std::find_if(closing_.begin(), closing_.end(),
                                        [leaving](const auto& held) { return held.get() == leaving; });
        // Not deleted here: this is one of its own signals.
        found->release()->deleteLater();
        closing_.erase(found);
    });
    leaving->close();
}

void Workbench::beginSave() {
    ++saving_;
    Q_EMIT savingChanged(true, {});
}

void Workbench::endSave(const QString& problem) {
    saving_ = std::max(0, saving_ - 1);
    Q_EMIT savingChanged(saving_ > 0, problem);
}

void Workbench::showMessage(const QString& text) {
    Q_EMIT messageShown(text);
}

void Workbench::setRunning(const QString& key, const QString& text) {
    if (text.isEmpty()) {
        running_.remove(key);
    } else {
        running_[key] = text;
    }
    Q_EMIT runningChanged();
}

void Workbench::notifyChanged() {
    Q_EMIT changed();
}

void Workbench::requestPage(const QString& name) {
    Q_EMIT pageRequested(name);
}

void Workbench::setTextScale(double scale) {
    scale = std::clamp(scale, 0.7, 2.5);
    if (qFuzzyCompare(scale, textScale_)) {
        return;
    }
    textScale_ = scale;
    QSettings().setValue(kTextScale, scale);
    Q_EMIT textScaleChanged(scale);
}

}  // namespace prefbench::pages
