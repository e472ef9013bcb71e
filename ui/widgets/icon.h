#pragma once

#include <QIcon>
#include <QString>

namespace prefbench::widgets {

/// One of our line icons (resources/icons/NAME.svg, 24 grid), painted in the palette's text colour at the time of
/// painting, so that it follows light, dark, disabled and selected by itself. An unknown name is an empty icon.
QIcon icon(const QString& name);

}  // namespace prefbench::widgets
