#pragma once

#include <QtGlobal>
#include <functional>

namespace prefbench::widgets {

/// Seconds a person has worked on what is on screen: stands still while the window has no focus and from 60 s after the
/// last input until the next.
class ActiveClock {
  public:
    static constexpr qint64 kIdleMilliseconds = 60'000;

    /// `now` in milliseconds, never running backwards; by default the steady clock.
    explicit ActiveClock(std::function<qint64()> now = {});

    /// From zero: both texts are on screen.
    void restart();
    /// From `seconds` on: the same texts are on screen again.
    void resumeFrom(double seconds);
    void stop();
    /// A key, the mouse or the wheel.
    void input();
    void setFocused(bool focused);
    double seconds() const;

  private:
    void settle();
    qint64 countedUntil(qint64 now) const;
    std::function<qint64()> now_;
    double counted_ = 0;  ///< milliseconds up to since_
    qint64 since_ = 0;
    qint64 lastInput_ = 0;
    bool running_ = false;
    bool focused_ = true;
};

}  // namespace prefbench::widgets
