#include "core/project/lock_holder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <QFile>
#include <QList>

namespace prefbench::project {

namespace {

QByteArray firstBytes(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

}  // namespace

QString lockHolder(const QString& path) {
    struct stat status {};
    if (::stat(QFile::encodeName(path).constData(), &status) != 0) {
        return {};
    }
    const QByteArray inode = ':' + QByteArray::number(qulonglong(status.st_ino));
    // 1: POSIX  ADVISORY  WRITE 4711 08:01:123456 1073741825 1073741825
    for (const QByteArray& line : firstBytes(QStringLiteral("/proc/locks")).split('\n')) {
        const QList<QByteArray> words = line.simplified().split(' ');
        if (words.size() < 8 || words[1] == "->" || words[3] != "WRITE" || !words[5].endsWith(inode)) {
            continue;
        }
        const qint64 pid = words[4].toLongLong();
        if (pid <= 0 || pid == ::getpid()) {
            continue;
        }
        const QByteArray name = firstBytes(QStringLiteral("/proc/%1/comm").arg(pid)).trimmed();
        const QString process = QStringLiteral("process %1").arg(pid);
        return name.isEmpty() ? process : QStringLiteral("%1 (%2)").arg(process, QString::fromUtf8(name));
    }
    return {};
}

}  // namespace prefbench::project
