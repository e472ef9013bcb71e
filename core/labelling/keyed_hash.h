#pragma once

#include <QString>
#include <QStringList>

namespace prefbench::labelling {

/// 64 bits that depend on every word and nothing else: the same on every machine and in every version (SHA-256 of the
/// words, each ended by a line feed; the first eight bytes, big-endian). For fair coins and orders that must not
/// change.
quint64 keyedHash(const QStringList& words);
/// The same as a number in [0, 1).
double keyedUniform(const QStringList& words);

}  // namespace prefbench::labelling
