#include "core/files/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/files/error.h"
#include "core/files/json.h"

namespace prefbench::files {

namespace {

constexpr std::uint64_t lengthBytes = 8;
constexpr std::uint64_t maxHeaderBytes = 100'000'000;  // the format's own limit

struct DTypeEntry {
    DType type;
    const char* name;
    std::size_t bytes;
};
constexpr std::array<DTypeEntry, 10> dtypes = {{{DType::F64, "F64", 8},
                                                {DType::F32, "F32", 4},
                                                {DType::F16, "F16", 2},
                                                {DType::BF16, "BF16", 2},
                                                {DType::I64, "I64", 8},
                                                {DType::I32, "I32", 4},
                                                {DType::I16, "I16", 2},
                                                {DType::I8, "I8", 1},
                                                {DType::U8, "U8", 1},
                                                {DType::Bool, "BOOL", 1}}};

const DTypeEntry& entry(DType type) {
    return *std::find_if(dtypes.begin(), dtypes.end(), [type](const DTypeEntry& e) { return e.type == type; });
}

std::string reasonOf(int number) {
    return " (" + std::generic_category().message(number) + ")";
}

std::string shapeText(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    }
    return text + "]";
}

/// False when the product does not fit 64 bits.
bool shapeBytes(const std::vector<std::int64_t>& shape, DType type, std::uint64_t& bytes) {
    bytes = dtypeBytes(type);
    bool fits = true;
    for (const std::int64_t size : shape) {
        fits = fits && !__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes);
    }
    // A zero anywhere makes the tensor empty, whatever the other sizes are.
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
        bytes = 0;
        return true;
    }
    return fits;
}

/// Reads and checks one header; every failure names the file.
class HeaderReader {
  public:
    explicit HeaderReader(const std::filesystem::path& file) : file_(file.string()) {}

    [[noreturn]] void fail(const std::string& message) const { throw Error(file_ + ": " + message); }

    std::vector<TensorInfo> tensors(const Json& header) const {
        std::vector<TensorInfo> tensors;
        for (const auto& [name, value] : header.items()) {
            if (name != "__metadata__") {
                tensors.push_back(tensor(name, value));
            }
        }
        std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
            return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
        });
        return tensors;
    }

    std::map<std::string, std::string> metadata(const Json& header) const {
        std::map<std::string, std::string> metadata;
        const auto found = header.find("__metadata__");
        if (found == header.end()) {
            return metadata;
        }
        if (!found->is_object()) {
            fail("__metadata__ must be an object of strings");
        }
        for (const auto& [key, value] : found->items()) {
            if (!value.is_string()) {
                fail("__metadata__ \"" + key + "\" must be a string, found " + toLine(value));
            }
            metadata[key] = value.get<std::string>();
        }
        return metadata;
    }

    /// The format allows no gap, no overlap and nothing after the last tensor.
    void checkLayout(const std::vector<TensorInfo>& tensors, std::uint64_t dataBytes) const {
        std::uint64_t expected = 0;
        for (const TensorInfo& tensor : tensors) {
            if (tensor.begin != expected) {
                fail("tensor \"" + tensor.name + "\": data_offsets begin at " + std::to_string(tensor.begin) +
                     ", expected " + std::to_string(expected) + " (no gaps, no overlaps)");
            }
            expected = tensor.end;
        }
        if (expected > dataBytes) {
            fail("truncated: the header describes " + std::to_string(expected) + " bytes of data, the file holds " +
                 std::to_string(dataBytes));
        }
        if (expected < dataBytes) {
            fail(std::to_string(dataBytes - expected) + " bytes after the last tensor, expected none");
        }
    }

  private:
    TensorInfo tensor(const std::string& name, const Json& value) const {
        const std::string what = "tensor \"" + name + "\": ";
        if (!value.is_object()) {
            fail(what + "expected an object, found " + toLine(value));
        }
        for (const char* key : {"dtype", "shape", "data_offsets"}) {
            if (!value.contains(key)) {
                fail(what + key + " is missing");
            }
        }
        TensorInfo info;
        info.name = name;
        info.dtype = dtype(what, value["dtype"]);
        const Json& shape = value["shape"];
        if (!shape.is_array()) {
            fail(what + "shape must be an array, found " + toLine(shape));
        }
        for (const Json& size : shape) {
            const std::uint64_t number = unsignedNumber(what + "shape", size);
            if (number > static_cast<std::uint64_t>(INT64_MAX)) {
                fail(what + "shape holds " + toLine(size) + ", more than 2^63 - 1");
            }
            info.shape.push_back(static_cast<std::int64_t>(number));
        }
        const Json& offsets = value["data_offsets"];
        if (!offsets.is_array() || offsets.size() != 2) {
            fail(what + "data_offsets must be two numbers, found " + toLine(offsets));
        }
        info.begin = unsignedNumber(what + "data_offsets", offsets[0]);
        info.end = unsignedNumber(what + "data_offsets", offsets[1]);
        checkSize(what, info);
        return info;
    }

    DType dtype(const std::string& what, const Json& value) const {
        for (const DTypeEntry& e : dtypes) {
            if (value == e.name) {
                return e.type;
            }
        }
        fail(what + "unknown dtype " + toLine(value) + ", expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL");
    }

    std::uint64_t unsignedNumber(const std::string& what, const Json& value) const {
        if (!value.is_number_unsigned()) {
            fail(what + " holds " + toLine(value) + ", expected a whole number of at least 0");
        }
        return value.get<std::uint64_t>();
    }

    void checkSize(const std::string& what, const TensorInfo& info) const {
        if (info.end < info.begin) {
            fail(what + "data_offsets end at " + std::to_string(info.end) + ", before their begin " +
                 std::to_string(info.begin));
        }
        std::uint64_t bytes = 0;
        if (!shapeBytes(info.shape, info.dtype, bytes)) {
            fail(what + "shape " + shapeText(info.shape) + " is larger than 2^64 bytes");
        }
        if (bytes != info.end - info.begin) {
            fail(what + "data_offsets hold " + std::to_string(info.end - info.begin) + " bytes, expected " +
                 std::to_string(bytes) + " for shape " + shapeText(info.shape) + " of " + dtypeName(info.dtype));
        }
    }

    std::string file_;
};

std::uint64_t littleEndian64(const unsigned char* bytes) {
    std::uint64_t value = 0;
    for (int i = 7; i >= 0; --i) {
        value = value << 8 | bytes[i];
    }
    return value;
}

}  // namespace

const char* dtypeName(DType type) {
    return entry(type).name;
}

std::size_t dtypeBytes(DType type) {
    return entry(type).bytes;
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& file) {
    const HeaderReader reader(file);
    SafetensorsFile result;
    result.path_ = file;
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        reader.fail("cannot be read" + reasonOf(errno));
    }
    struct stat status {};
    const bool known = ::fstat(descriptor, &status) == 0;
    const auto fileBytes = known ? static_cast<std::uint64_t>(status.st_size) : 0;
    void* mapped = nullptr;
    if (known && S_ISREG(status.st_mode) && fileBytes >= lengthBytes) {
        mapped = ::mmap(nullptr, fileBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
    }
    const int mapError = errno;
    ::close(descriptor);
    if (!known || !S_ISREG(status.st_mode)) {
        reader.fail("is not a regular file");
    }
    if (fileBytes < lengthBytes) {
        reader.fail("truncated: " + std::to_string(fileBytes) + " bytes, expected at least 8 for the header's length");
    }
    if (mapped == MAP_FAILED) {
        reader.fail("cannot be mapped" + reasonOf(mapError));
    }
    result.mapping_ = {mapped, [fileBytes](void* memory) { ::munmap(memory, fileBytes); }};

    const auto* bytes = static_cast<const unsigned char*>(mapped);
    const std::uint64_t headerBytes = littleEndian64(bytes);
    if (headerBytes > maxHeaderBytes) {
        reader.fail("header of " + std::to_string(headerBytes) + " bytes, more than the format's 100 MB");
    }
    if (headerBytes > fileBytes - lengthBytes) {
        reader.fail("truncated: header of " + std::to_string(headerBytes) + " bytes in a file of " +
                    std::to_string(fileBytes));
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes + lengthBytes), headerBytes);
    if (!text.starts_with('{')) {
        reader.fail("the header must begin with '{'");
    }
    const Json header = parseJson(text, file.string() + ": header");
    result.metadata_ = reader.metadata(header);
    result.tensors_ = reader.tensors(header);
    result.dataStart_ = lengthBytes + headerBytes;
    reader.checkLayout(result.tensors_, fileBytes - result.dataStart_);
    return result;
}

const TensorInfo* SafetensorsFile::find(const std::string& name) const {
    const auto found =
        std::find_if(tensors_.begin(), tensors_.end(), [&name](const TensorInfo& info) { return info.name == name; });
    return found == tensors_.end() ? nullptr : &*found;
}

std::span<std::byte> SafetensorsFile::data(const TensorInfo& tensor) const {
    auto* start = static_cast<std::byte*>(mapping_.get()) + dataStart_;
    return {start + tensor.begin, tensor.end - tensor.begin};
}

void SafetensorsFile::forget(const TensorInfo& tensor) const {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    // Whole pages only: those at its ends hold other tensors too.
    const std::size_t begin = (dataStart_ + tensor.begin + page - 1) / page * page;
    const std::size_t end = (dataStart_ + tensor.end) / page * page;
    if (begin < end) {
        ::madvise(static_cast<std::byte*>(mapping_.get()) + begin, end - begin, MADV_DONTNEED);
    }
}

namespace {

/// A file being written; every failure names it.
class Output {
  public:
    explicit Output(const std::filesystem::path& file) : file_(file.string()) {
        descriptor_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        check(descriptor_ >= 0);
    }
    ~Output() {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
            check(written >= 0 || errno == EINTR);
            bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
        }
    }
    void finish() {
        check(::fsync(descriptor_) == 0);
        check(::close(std::exchange(descriptor_, -1)) == 0);
    }

  private:
    void check(bool good) const {
        if (!good) {
            throw Error(file_ + ": cannot be written" + reasonOf(errno));
        }
    }
    std::string file_;
    int descriptor_ = -1;
};

std::string encodeHeader(const std::filesystem::path& file, const std::vector<TensorToWrite>& tensors,
                         const std::map<std::string, std::string>& metadata) {
    OrderedJson header = OrderedJson::object();
    if (!metadata.empty()) {
        header["__metadata__"] = metadata;
    }
    std::set<std::string> names{"__metadata__"};
    std::uint64_t offset = 0;
    for (const TensorToWrite& tensor : tensors) {
        const std::string what = file.string() + ": tensor \"" + tensor.name + "\": ";
        if (!names.insert(tensor.name).second) {
            throw Error(what + "this name is taken already");
        }
        std::uint64_t bytes = 0;
        const bool negative = std::any_of(tensor.shape.begin(), tensor.shape.end(), [](auto size) { return size < 0; });
        if (negative || !shapeBytes(tensor.shape, tensor.dtype, bytes) || bytes != tensor.data.size()) {
            throw Error(what + std::to_string(tensor.data.size()) + " bytes do not fit shape " +
                        shapeText(tensor.shape) + " of " + dtypeName(tensor.dtype));
        }
        OrderedJson& info = header[tensor.name];
        info["dtype"] = dtypeName(tensor.dtype);
        info["shape"] = tensor.shape;
        info["data_offsets"] = {offset, offset + bytes};
        offset += bytes;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    if (text.size() > maxHeaderBytes) {
        throw Error(file.string() + ": header of " + std::to_string(text.size()) +
                    " bytes, more than the format's 100 MB");
    }
    return text;
}

}  // namespace

void writeSafetensors(const std::filesystem::path& file, const std::vector<TensorToWrite>& tensors,
                      const std::map<std::string, std::string>& metadata) {
    // Wide elements first, so that every tensor is aligned to its own element size.
    std::vector<TensorToWrite> ordered = tensors;
    std::stable_sort(ordered.begin(), ordered.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
        return dtypeBytes(a.dtype) > dtypeBytes(b.dtype);
    });
    const std::string header = encodeHeader(file, ordered, metadata);
    std::array<std::byte, lengthBytes> length;
    for (std::size_t i = 0; i < length.size(); ++i) {
        length[i] = static_cast<std::byte>(header.size() >> (8 * i) & 0xFF);
    }
    Output out(file);
    out.write(length);
    out.write(std::as_bytes(std::span(header)));
    for (const TensorToWrite& tensor : ordered) {
        out.write(tensor.data);
    }
    out.finish();
}

}  // namespace prefbench::files
