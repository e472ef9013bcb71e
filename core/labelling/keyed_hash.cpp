#include "core/labelling/keyed_hash.h"

#include <QCryptographicHash>
#include <QtEndian>

namespace prefbench::labelling {

quint64 keyedHash(const QStringList& words) {
    QCryptographicHash hash(QCryptographicHash::Sha256);
    for (const QString& word : words) {
        hash.addData(word.toUtf8());
        hash.addData(QByteArrayView("\n", 1));
    }
    return qFromBigEndian<quint64>(hash.result().constData());
}

double keyedUniform(const QStringList& words) {
    return double(keyedHash(words) >> 11) * 0x1p-53;
}

}  // namespace prefbench::labelling
