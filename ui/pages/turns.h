#pragma once

#include <QList>

#include "core/project/prompts.h"
#include "ui/widgets/turn.h"

namespace prefbench::pages {

/// A prompt as it is shown: roles in words.
QList<widgets::Turn> turnsOf(const project::Prompt& prompt);

}  // namespace prefbench::pages
