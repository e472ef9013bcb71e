#include <QTemporaryDir>
#include <QTest>
#include <cstring>

#include "core/files/durable_file.h"
#include "core/files/safetensors.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden_cases.h"

using namespace prefbench::files;

namespace {

std::string withHeader(const std::string& header, const std::string& data = {}, std::int64_t lengthOff = 0) {
    std::string bytes;
    const std::uint64_t length = header.size() + static_cast<std::uint64_t>(lengthOff);
    for (int i = 0; i < 8; ++i) {
        bytes += static_cast<char>(length >> (8 * i) & 0xFF);
    }
    return bytes + header + data;
}

std::string text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

class TestSafetensors : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    std::filesystem::path file_ = dir_.filePath("w.safetensors").toStdString();

  private slots:
    void roundTrip() {
        const std::string bytes = "abcdefgh";
        const auto raw = std::as_bytes(std::span(bytes));
        writeSafetensors(file_, {{"half", DType::F16, {3}, raw.first(6)},
                                 {"empty", DType::F32, {0, 5}, {}},
                                 {"one \"é\"", DType::F64, {}, raw},
                                 {"flags", DType::Bool, {2, 1}, raw.first(2)}});
        const SafetensorsFile file = SafetensorsFile::open(file_);
        QCOMPARE(file.tensors().size(), size_t(4));
        QCOMPARE(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
        const TensorInfo* half = file.find("half");
        QVERIFY(half != nullptr);
        QCOMPARE(half->dtype, DType::F16);
        QCOMPARE(half->shape, std::vector<std::int64_t>{3});
        QCOMPARE(text(file.data(*half)), std::string("abcdef"));
        QCOMPARE(text(file.data(*file.find("one \"é\""))), bytes);
        QCOMPARE(file.data(*file.find("empty")).size(), size_t(0));
        QVERIFY(file.find("none") == nullptr);
        for (const TensorInfo& tensor : file.tensors()) {
            QCOMPARE(reinterpret_cast<std::uintptr_t>(file.data(tensor).data()) % dtypeBytes(tensor.dtype), size_t(0));
        }
    }

    void noTensorsAtAll() {
        writeSafetensors(file_, {}, {});
        QVERIFY(SafetensorsFile::open(file_).tensors().empty());
    }

    void movesKeepTheMapping() {
        const std::string bytes = "abcd";
        writeSafetensors(file_, {{"t", DType::U8, {4}, std::as_bytes(std::span(bytes))}});
        SafetensorsFile first = SafetensorsFile::open(file_);
        SafetensorsFile second = std::move(first);
        first = SafetensorsFile::open(file_);
        first = std::move(second);
        QCOMPARE(text(first.data(*first.find("t"))), bytes);
    }

    void refuses_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("part");
        const auto row = [](const char* name, const std::string& bytes, const char* part) {
            QTest::newRow(name) << QByteArray::fromStdString(bytes) << QString(part);
        };
        const std::string f32 = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
        const std::string eight(8, 'x');
        row("empty file", "", "truncated: 0 bytes");
        row("seven bytes", "1234567", "truncated: 7 bytes");
        row("header over 100 MB", std::string("\x01\xe1\xf5\x05\0\0\0\0", 8) + eight, "more than the format's 100 MB");
        row("length of all ones", std::string(8, '\xff') + eight, "more than the format's 100 MB");
        row("header over the file's end", withHeader(f32, "", 1), "truncated: header of");
        row("header cut", withHeader(f32, "", -1), "not valid JSON");
        row("not an object", withHeader("[]"), "must begin with '{'");
        row("leading space", withHeader(" {}"), "must begin with '{'");
        row("empty header", withHeader(""), "must begin with '{'");
        row("bad UTF-8", withHeader("{\"\xff\":1}"), "UTF-8");
        row("duplicate tensor", withHeader(f32.substr(0, f32.size() - 1) + "," + f32.substr(1), eight),
            "\"a\" stands twice");
        row("duplicate field",
            withHeader(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", eight),
            "\"dtype\" stands twice");
        row("deep", withHeader("{\"a\":" + std::string(100000, '[')), "deeper than 200");
        row("tensor not an object", withHeader(R"({"a":1})"), "tensor \"a\": expected an object");
        row("no dtype", withHeader(R"({"a":{"shape":[2],"data_offsets":[0,8]}})", eight), "dtype is missing");
        row("no offsets", withHeader(R"({"a":{"dtype":"F32","shape":[2]}})", eight), "data_offsets is missing");
        row("unknown dtype", withHeader(R"({"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}})", eight),
            "unknown dtype \"F8_E4M3\"");
        row("dtype a number", withHeader(R"({"a":{"dtype":3,"shape":[8],"data_offsets":[0,8]}})", eight),
            "unknown dtype 3");
        row("negative shape", withHeader(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", eight),
            "holds -2");
        row("fractional shape", withHeader(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", eight),
            "holds 2.0");
        row("shape not an array", withHeader(R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", eight),
            "shape must be an array");
        row("overflowing shape",
            withHeader(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"),
            "larger than 2^64");
        row("wrapping to the right size",
            withHeader(R"({"a":{"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]}})", eight),
            "larger than 2^64");
        row("wrong size for shape", withHeader(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight),
            "hold 8 bytes, expected 12 for shape [3] of F32");
        row("one offset", withHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}})", eight), "two numbers");
        row("end before begin", withHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", eight),
            "before their begin");
        row("negative offset", withHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", eight),
            "holds -8");
        row("gap at the start", withHeader(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})", eight),
            "begin at 4, expected 0");
        row("gap",
            withHeader(
                R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                eight),
            "begin at 4, expected 2");
        row("overlap",
            withHeader(
                R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                eight),
            "begin at 4, expected 6");
        row("data cut", withHeader(f32, "1234567"), "describes 8 bytes of data, the file holds 7");
        row("trailing bytes", withHeader(f32, eight + "z"), "1 bytes after the last tensor");
        row("metadata not strings", withHeader(R"({"__metadata__":{"a":1}})"), "must be a string");
        row("metadata not an object", withHeader(R"({"__metadata__":[]})"), "object of strings");
    }
    void refuses() {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, part);
        writeAtomically(file_, bytes.toStdString());
        EXPECT_ERROR(SafetensorsFile::open(file_), part.toStdString());
        EXPECT_ERROR(SafetensorsFile::open(file_), file_.string() + ": ");
    }

    void refusesWhatIsNoFile() {
        EXPECT_ERROR(SafetensorsFile::open(dir_.filePath("none").toStdString()), "No such file");
        EXPECT_ERROR(SafetensorsFile::open(dir_.path().toStdString()), "not a regular file");
        EXPECT_ERROR(SafetensorsFile::open("/dev/null"), "not a regular file");
    }

    void refusesToWriteNonsense() {
        const std::string bytes = "abcd";
        const auto raw = std::as_bytes(std::span(bytes));
        EXPECT_ERROR(writeSafetensors(file_, {{"t", DType::F32, {2}, raw}}), "4 bytes do not fit shape [2] of F32");
        EXPECT_ERROR(writeSafetensors(file_, {{"t", DType::F32, {-1}, raw}}), "do not fit");
        EXPECT_ERROR(writeSafetensors(file_, {{"t", DType::F32, {1}, raw}, {"t", DType::F32, {1}, raw}}),
                     "taken already");
        EXPECT_ERROR(writeSafetensors(file_, {{"__metadata__", DType::F32, {1}, raw}}), "taken already");
        EXPECT_ERROR(writeSafetensors("/dev/full", {{"t", DType::F32, {1}, raw}}),
                     "/dev/full: cannot be written (No space");
        EXPECT_ERROR(writeSafetensors(dir_.filePath("no/f").toStdString(), {}), "No such file");
    }

    void readsFilesOfTheReferenceLibrary() {
        const std::filesystem::path golden =
            GoldenCases::root().filePath("models/llama-bf16/model.safetensors").toStdString();
        if (!std::filesystem::exists(golden)) {
            QSKIP("this golden set has no models/llama-bf16");
        }
        const SafetensorsFile file = SafetensorsFile::open(golden);
        const TensorInfo* embedding = file.find("model.embed_tokens.weight");
        QVERIFY(embedding != nullptr);
        QCOMPARE(embedding->dtype, DType::BF16);
        QCOMPARE(embedding->shape.size(), size_t(2));
        QCOMPARE(file.data(*embedding).size(), size_t(embedding->shape[0] * embedding->shape[1] * 2));
    }
};

QTEST_APPLESS_MAIN(TestSafetensors)
#include "tst_safetensors.moc"
