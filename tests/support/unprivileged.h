#pragma once

#include <unistd.h>

#include <QtGlobal>

/// While it lives, permissions bind even where the test runs as root.
class Unprivileged {
  public:
    Unprivileged() {
        if (::geteuid() == 0) {
            wasRoot_ = ::setresuid(65534, 65534, 0) == 0;
        }
    }
    ~Unprivileged() {
        if (wasRoot_ && ::setresuid(0, 0, 0) != 0) {
            qFatal("cannot become root again");
        }
    }
    Unprivileged(const Unprivileged&) = delete;
    Unprivileged& operator=(const Unprivileged&) = delete;

  private:
    bool wasRoot_ = false;
};
