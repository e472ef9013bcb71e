#pragma once

#include <QCoreApplication>
#include <QPointer>
#include <QString>
#include <QThreadPool>
#include <exception>
#include <functional>
#include <type_traits>

namespace prefbench::pages {

/// Runs `work` on a pool thread, then `done` with its value in the window's thread, unless `context` is gone by then.
/// An exception goes to `failed` as one line instead. For files and processes; the project goes through its Store.
template <class Work, class Done>
void runAside(QObject* context, Work work, Done done, std::function<void(QString)> failed = {}) {
    QThreadPool::globalInstance()->start([target = QPointer<QObject>(context), work = std::move(work),
                                          done = std::move(done), failed = std::move(failed)]() mutable {
        // Through the application, which outlives every page: whether the page does is asked in its own thread.
        const auto deliver = [target](auto function) {
            QMetaObject::invokeMethod(
                QCoreApplication::instance(),
                [target, function = std::move(function)]() mutable {
                    if (target) {
                        function();
                    }
                },
                Qt::QueuedConnection);
        };
        try {
            if constexpr (std::is_void_v<std::invoke_result_t<Work>>) {
                work();
                deliver(std::move(done));
            } else {
                deliver([done = std::move(done), value = work()]() mutable { done(std::move(value)); });
            }
        } catch (const std::exception& error) {
            const QString message = QString::fromUtf8(error.what());
            deliver([failed = std::move(failed), message] {
                if (failed) {
                    failed(message);
                }
            });
        }
    });
}

}  // namespace prefbench::pages
