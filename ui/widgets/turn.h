#pragma once

#include <QString>

namespace prefbench::widgets {

/// One part of a conversation: who says it, in the reader's words (empty for plain text), and what.
struct Turn {
    QString speaker, text;
};

}  // namespace prefbench::widgets
