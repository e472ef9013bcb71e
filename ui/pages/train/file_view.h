#pragma once

#include <QPlainTextEdit>
#include <QTimer>
#include <filesystem>

namespace prefbench::pages {

/// A text file (of a long one the end), read aside and again every second while on show.
class FileView : public QPlainTextEdit {
    Q_OBJECT
  public:
    /// A log is shown from its end and followed there unless the reader has scrolled up.
    enum class Kind { Document, Log };
    /// `emptyText` stands there while the file has nothing.
    FileView(Kind kind, const QString& emptyText, QWidget* parent = nullptr);
    void setFile(const std::filesystem::path& file);

  protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

  private:
    void read();
    void present(const QString& text);
    Kind kind_;
    std::filesystem::path file_;
    QTimer timer_;
    bool reading_ = false;
};

}  // namespace prefbench::pages
