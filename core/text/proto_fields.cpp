#include "core/text/proto_fields.h"

#include "core/files/error.h"

namespace prefbench::text {

namespace {

class Reader {
  public:
    Reader(std::string_view message, const std::string& what) : rest_(message), size_(message.size()), what_(what) {}

    bool atEnd() const { return rest_.empty(); }

    ProtoField field() {
        ProtoField field;
        const std::uint64_t tag = varint();
        field.number = tag >> 3;
        field.wire = static_cast<ProtoField::Wire>(tag & 7);
        switch (field.wire) {
            case ProtoField::Wire::Varint:
                field.value = varint();
                return field;
            case ProtoField::Wire::Fixed64:
                field.value = fixed(8);
                return field;
            case ProtoField::Wire::Fixed32:
                field.value = fixed(4);
                return field;
            case ProtoField::Wire::Bytes:
                field.bytes = take(varint());
                return field;
        }
        fail("holds a field of type " + std::to_string(tag & 7));
    }

  private:
    [[noreturn]] void fail(const std::string& reason) const {
        throw Error(what_ + ": the message " + reason + " at byte " + std::to_string(size_ - rest_.size()));
    }

    std::string_view take(std::uint64_t length) {
        if (length > rest_.size()) {
            fail("is cut off");
        }
        const std::string_view taken = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return taken;
    }

    std::uint64_t fixed(std::size_t length) {
        std::uint64_t value = 0;
        const std::string_view bytes = take(length);
        for (std::size_t i = length; i > 0; --i) {
            value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
        }
        return value;
    }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(take(1).front());
            value |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        fail("holds a number of more than 64 bits");
    }

    std::string_view rest_;
    std::size_t size_;
    const std::string& what_;
};

}  // namespace

void forEachField(std::string_view message, const std::string& what,
                  const std::function<void(const ProtoField&)>& onField) {
    Reader reader(message, what);
    while (!reader.atEnd()) {
        onField(reader.field());
    }
}

}  // namespace prefbench::text
