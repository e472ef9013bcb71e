#include <QTest>

#include "core/files/json.h"
#include "core/text/chat_template.h"
#include "tests/support/golden_cases.h"

using prefbench::files::OrderedJson;
using namespace prefbench::text;

namespace {

struct Outcome {
    std::string text;
    std::string message;
    bool isError = false;
    bool isRaised = false;
};

Outcome render(const OrderedJson& one, const OrderedJson& expected) {
    const OrderedJson tokens = {{"bos_token", one["bos_token"]}, {"eos_token", one["eos_token"]}};
    try {
        const ChatTemplate chat(one["template"].get<std::string>(), tokens);
        const OrderedJson variables = expected.value("kwargs", OrderedJson::object());
        return {chat.render(expected["messages"], expected["add_generation_prompt"].get<bool>(), variables), {}};
    } catch (const TemplateError& error) {
        return {{}, error.message, true, error.isRaisedByTemplate};
    }
}

/// Raising is required where the reference raised, and the message where the template itself did.
bool meets(const Outcome& found, const OrderedJson& expected) {
    if (expected.contains("rendered")) {
        return !found.isError && found.text == expected["rendered"];
    }
    const OrderedJson& error = expected["error"];
    return found.isError &&
           (!error["raised_by_template"].get<bool>() || (found.isRaised && found.message == error["message"]));
}

}  // namespace

class TestGoldenTemplates : public QObject {
    Q_OBJECT

  private slots:
    void templates_data() {
        QTest::addColumn<int>("index");
        const std::string file = GoldenCases::root().filePath("templates/templates.json").toStdString();
        golden_ = prefbench::files::readOrderedJsonFile(file)["templates"];
        for (std::size_t i = 0; i < golden_.size(); ++i) {
            QTest::newRow(golden_[i]["name"].get<std::string>().c_str()) << int(i);
        }
    }

    void templates() {
        QFETCH(int, index);
        const OrderedJson& one = golden_[std::size_t(index)];
        GoldenCases golden("templates/" + QString::fromStdString(one["name"].get<std::string>()));
        for (const OrderedJson& expected : one["cases"]) {
            const Outcome found = render(one, expected);
            golden.check(meets(found, expected), QString::fromStdString(expected["name"].get<std::string>()),
                         QString::fromStdString("expected " + expected.dump() + ", found " +
                                                OrderedJson(found.isError ? found.message : found.text).dump()));
        }
        QVERIFY(golden.finish());
    }

  private:
    OrderedJson golden_;
};

QTEST_APPLESS_MAIN(TestGoldenTemplates)
#include "tst_golden_templates.moc"
