// Answers comparisons one after another until it is killed, as the Label page does through LabelSession. Prints
// "saved ID" once COMMIT has returned. With a second argument N it stops before the COMMIT of its Nth answer: prints
// "uncommitted ID" and waits there for its end.

#include <unistd.h>

#include <QCoreApplication>
#include <cstdio>

#include "core/labelling/label_session.h"
#include "core/project/annotators.h"
#include "core/project/sql.h"

using namespace prefbench;
using namespace prefbench::labelling;

namespace {

void say(const char* what, const QString& id) {
    std::printf("%s %s\n", what, qPrintable(id));
    std::fflush(stdout);
}

void answerHalf(project::Project& project, LabelSession& session, const Question& question) {
    // With hardly a cache SQLite writes into the file before the COMMIT: what is left must be rolled back.
    project::sql::run(project, QStringLiteral("PRAGMA cache_size = 1"));
    project::Transaction transaction(project);
    say("uncommitted", session.answer(question, {.screen = 1, .rationale = QString(100000, 'x')}));
    for (;;) {
        ::pause();
    }
}

}  // namespace

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    const auto project = project::Project::open(QString::fromLocal8Bit(argv[1]));
    const int half = argc > 2 ? QByteArray(argv[2]).toInt() : 0;
    LabelSession session(*project,
                         project::Annotators(*project).ensure(QStringLiteral("ann"), project::AnnotatorKind::Human));
    for (int number = 1;; ++number) {
        // Now and then an answer is taken back, so that withdrawals are under the knife too.
        const std::optional<Question> question = number % 10 == 0 ? session.undo() : session.next();
        if (!question) {
            return 3;
        }
        if (number == half) {
            answerHalf(*project, session, *question);
        }
        say("saved", session.answer(*question, {.screen = number % 7 - 3, .rationale = QString(500, 'y')}));
    }
}
