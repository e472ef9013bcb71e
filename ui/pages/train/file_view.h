#pragma once

#include <QPlainTextEdit>
#include <QTimer>
#include <filesystem>

namespace prefbench::pages {

/// The end of a text file, read aside and again every second while on show; stays at the end unless the reader has
/// scrolled up.
class FileView : public QPlainTextEdit {
    Q_OBJECT
  public:
    /// `emptyText` stands there while the file has nothing.
    explicit FileView(const QString& emptyText, QWidget* parent = nullptr);
    void setFile(const std::filesystem::path& file);

  protected:
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

  private:
    void read();
    void present(const QString& text);
    std::filesystem::path file_;
    QTimer timer_;
    bool reading_ = false;
};

}  // namespace prefbench::pages
