#pragma once

#include <QList>
#include <QTextEdit>

namespace prefbench::widgets {

/// Text as the tokens that it is made of: neighbours shaded in turn, special ones semibold and underlined, line breaks
/// marked. Left and Right go from token to token; the tooltip says which one the mouse is on.
class TokenText : public QTextEdit {
    Q_OBJECT
  public:
    struct Token {
        qint64 id = 0;
        QString text;
        bool special = false;
    };
    explicit TokenText(QWidget* parent = nullptr);

    void setTokens(const QList<Token>& tokens);
    const QList<Token>& tokens() const { return tokens_; }
    /// The token that the text cursor is in; -1 when there is none.
    int current() const;
    void setCurrent(int index);
    /// "Token 3 of 20: id 17, special".
    QString description(int index) const;

  Q_SIGNALS:
    void currentChanged(int index);

  protected:
    bool event(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    /// Whole tokens, as the model reads them, without the marks.
    QMimeData* createMimeDataFromSelection() const override;

  private:
    void fill();
    int tokenAt(int position) const;

    QList<Token> tokens_;
    QList<int> starts_;  ///< position of each token's first character in the document
};

}  // namespace prefbench::widgets
