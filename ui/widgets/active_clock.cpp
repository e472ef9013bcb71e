#include "ui/widgets/active_clock.h"

#include <algorithm>
#include <chrono>

namespace prefbench::widgets {

ActiveClock::ActiveClock(std::function<qint64()> now) : now_(std::move(now)) {
    if (!now_) {
        now_ = [] {
            return std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::steady_clock::now().time_since_epoch())
                .count();
        };
    }
}

void ActiveClock::restart() {
    resumeFrom(0);
}

void ActiveClock::resumeFrom(double seconds) {
    counted_ = seconds * 1000;
    since_ = lastInput_ = now_();
    running_ = true;
}

void ActiveClock::stop() {
    settle();
    running_ = false;
}

void ActiveClock::input() {
    settle();
    lastInput_ = now_();
}

void ActiveClock::setFocused(bool focused) {
    if (focused == focused_) {
        return;
    }
    settle();
    focused_ = focused;
    if (focused) {
        lastInput_ = now_();
    }
}

double ActiveClock::seconds() const {
    const double running = running_ && focused_ ? static_cast<double>(countedUntil(now_()) - since_) : 0;
    return (counted_ + std::max(0.0, running)) / 1000;
}

qint64 ActiveClock::countedUntil(qint64 now) const {
    return std::min(now, lastInput_ + kIdleMilliseconds);
}

void ActiveClock::settle() {
    counted_ = seconds() * 1000;
    since_ = now_();
}

}  // namespace prefbench::widgets
