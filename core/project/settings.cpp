#include "core/project/settings.h"

#include "core/project/sql.h"

namespace prefbench::project {

QString Settings::value(const QString& key, const QString& fallback) {
    const QVariant found =
        sql::scalar(project_, QStringLiteral("SELECT CAST(value AS BLOB) FROM settings WHERE key = ?"), {key});
    return found.isValid() ? sql::text(found) : fallback;
}

void Settings::set(const QString& key, const QString& value) {
    Transaction transaction(project_);
    sql::run(project_,
             QStringLiteral("INSERT INTO settings (key, value) VALUES (?, CAST(? AS TEXT)) "
                            "ON CONFLICT (key) DO UPDATE SET value = excluded.value"),
             {key, sql::bytes(value)});
    transaction.commit();
}

}  // namespace prefbench::project
