#include "core/project/schema.h"

#include <array>

#include "core/project/sql.h"

namespace prefbench::project {

namespace {

constexpr auto version1 = std::to_array<const char*>({
    R"sql(CREATE TABLE settings (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID)sql",

    R"sql(CREATE TABLE prompts (
        id TEXT PRIMARY KEY,
        messages TEXT NOT NULL,              -- JSON: a string, or an array of {"role","content"}
        content_hash TEXT NOT NULL UNIQUE,   -- SHA-256 of messages
        split TEXT NOT NULL CHECK (split IN ('train', 'test')),
        source TEXT NOT NULL,
        created TEXT NOT NULL
    ) STRICT)sql",
    "CREATE INDEX prompts_by_split ON prompts (split, id)",

    R"sql(CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        method TEXT NOT NULL,
        folder TEXT NOT NULL,
        model_id TEXT REFERENCES models (id),
        created TEXT NOT NULL,
        state TEXT NOT NULL,
        step INTEGER NOT NULL DEFAULT 0,
        total_steps INTEGER NOT NULL DEFAULT 0,
        colour INTEGER NOT NULL
    ) STRICT)sql",

    R"sql(CREATE TABLE models (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        folder TEXT NOT NULL,
        weights_hash TEXT NOT NULL,
        tokenizer_hash TEXT NOT NULL,
        run_id TEXT REFERENCES runs (id),
        created TEXT NOT NULL,
        UNIQUE (folder, weights_hash, tokenizer_hash)
    ) STRICT)sql",

    R"sql(CREATE TABLE generations (
        id TEXT PRIMARY KEY,
        model_id TEXT REFERENCES models (id),
        settings TEXT NOT NULL,              -- JSON
        seed INTEGER NOT NULL,               -- the 64 bits of an unsigned number
        created TEXT NOT NULL
    ) STRICT)sql",

    R"sql(CREATE TABLE completions (
        id TEXT PRIMARY KEY,
        prompt_id TEXT NOT NULL REFERENCES prompts (id),
        generation_id TEXT REFERENCES generations (id),
        text TEXT NOT NULL,
        token_ids TEXT,                      -- JSON array
        log_probability REAL,
        finish_reason TEXT,
        origin TEXT NOT NULL CHECK (origin IN ('model', 'human', 'import')),
        parent_id TEXT REFERENCES completions (id),
        demonstration INTEGER NOT NULL DEFAULT 0 CHECK (demonstration IN (0, 1)),
        created TEXT NOT NULL
    ) STRICT)sql",
    "CREATE INDEX completions_by_prompt ON completions (prompt_id, id)",
    "CREATE INDEX completions_by_generation ON completions (generation_id, id)",

    R"sql(CREATE TABLE comparisons (
        id TEXT PRIMARY KEY,
        prompt_id TEXT NOT NULL REFERENCES prompts (id),
        size INTEGER NOT NULL CHECK (size >= 2),
        origin TEXT NOT NULL,
        purpose TEXT NOT NULL CHECK (purpose IN ('training', 'evaluation')),
        priority REAL NOT NULL DEFAULT 0,
        created TEXT NOT NULL
    ) STRICT)sql",
    "CREATE INDEX comparisons_by_prompt ON comparisons (prompt_id, id)",
    "CREATE INDEX comparisons_to_label ON comparisons (id, priority) WHERE purpose = 'training' AND size = 2",

    R"sql(CREATE TABLE comparison_completions (
        comparison_id TEXT NOT NULL REFERENCES comparisons (id),
        position INTEGER NOT NULL CHECK (position >= 0),
        completion_id TEXT NOT NULL REFERENCES completions (id),
        PRIMARY KEY (comparison_id, position),
        UNIQUE (comparison_id, completion_id)
    ) STRICT, WITHOUT ROWID)sql",
    "CREATE INDEX comparison_completions_by_completion ON comparison_completions (completion_id)",
    R"sql(CREATE TRIGGER comparison_completions_prompt BEFORE INSERT ON comparison_completions
        WHEN (SELECT prompt_id FROM completions WHERE id = NEW.completion_id)
            IS NOT (SELECT prompt_id FROM comparisons WHERE id = NEW.comparison_id)
        BEGIN SELECT RAISE(ABORT, 'the completions of a comparison answer one prompt'); END)sql",

    R"sql(CREATE TABLE annotators (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('human', 'rule', 'model')),
        created TEXT NOT NULL
    ) STRICT)sql",

    R"sql(CREATE TABLE guidelines (
        id TEXT PRIMARY KEY,
        version INTEGER NOT NULL UNIQUE,
        text TEXT NOT NULL,
        created TEXT NOT NULL
    ) STRICT)sql",

    R"sql(CREATE TABLE attributes (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        question TEXT NOT NULL,
        steps INTEGER NOT NULL DEFAULT 7 CHECK (steps IN (2, 3, 7)),
        position INTEGER NOT NULL DEFAULT 0
    ) STRICT)sql",

    R"sql(CREATE TABLE judgements (
        id TEXT PRIMARY KEY,
        comparison_id TEXT NOT NULL REFERENCES comparisons (id),
        annotator_id TEXT NOT NULL REFERENCES annotators (id),
        attribute_id TEXT REFERENCES attributes (id),      -- NULL: better on the whole
        kind TEXT NOT NULL CHECK (kind IN ('label', 'repeat', 'gold', 'audit', 'adjudication')),
        outcome TEXT NOT NULL CHECK (outcome IN ('score', 'ranking', 'both_bad', 'skip', 'withdrawn')),
        screen INTEGER NOT NULL CHECK (screen BETWEEN -3 AND 3),
        score INTEGER NOT NULL,
        first_on_left INTEGER NOT NULL CHECK (first_on_left IN (0, 1)),
        ranking TEXT,                                      -- JSON: ranks by position, equal ranks are ties
        active_seconds REAL NOT NULL CHECK (active_seconds >= 0),
        rationale TEXT NOT NULL,
        guideline_id TEXT REFERENCES guidelines (id),
        supersedes TEXT REFERENCES judgements (id),
        created TEXT NOT NULL,
        CHECK (score = iif(first_on_left, screen, -screen)),
        CHECK (outcome = 'score' OR screen = 0),
        CHECK ((outcome = 'ranking') = (ranking IS NOT NULL))
    ) STRICT)sql",
    "CREATE INDEX judgements_by_comparison ON judgements (comparison_id, annotator_id, kind, id)",
    "CREATE INDEX judgements_by_annotator ON judgements (annotator_id, id)",
    "CREATE INDEX judgements_superseded ON judgements (supersedes) WHERE supersedes IS NOT NULL",
    R"sql(CREATE TRIGGER judgements_no_update BEFORE UPDATE ON judgements
        BEGIN SELECT RAISE(ABORT, 'judgements are append-only'); END)sql",
    R"sql(CREATE TRIGGER judgements_no_delete BEFORE DELETE ON judgements
        BEGIN SELECT RAISE(ABORT, 'judgements are append-only'); END)sql",
    // INSERT OR REPLACE deletes without asking the trigger above.
    R"sql(CREATE TRIGGER judgements_no_replace BEFORE INSERT ON judgements
        WHEN EXISTS (SELECT 1 FROM judgements WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'judgements are append-only'); END)sql",
    R"sql(CREATE TRIGGER judgements_supersede BEFORE INSERT ON judgements
        WHEN NEW.supersedes IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM judgements old WHERE old.id = NEW.supersedes AND old.comparison_id = NEW.comparison_id
                AND old.annotator_id = NEW.annotator_id AND old.attribute_id IS NEW.attribute_id
                AND old.kind = NEW.kind)
        BEGIN SELECT RAISE(ABORT,
            'a judgement supersedes one of the same comparison, annotator, attribute and kind'); END)sql",
    R"sql(CREATE TRIGGER judgements_of_pairs BEFORE INSERT ON judgements
        WHEN NEW.outcome = 'score' AND (SELECT size FROM comparisons WHERE id = NEW.comparison_id) <> 2
        BEGIN SELECT RAISE(ABORT, 'a score judges a comparison of two completions'); END)sql",

    // What is current, kept beside the log so that it need not be searched for: for each key the unsuperseded judgement
    // with the greatest id, none where that is a withdrawal. Judgements are only ever inserted, so one trigger keeps
    // it.
    R"sql(CREATE TABLE current_judgements (
        comparison_id TEXT NOT NULL,
        annotator_id TEXT NOT NULL,
        attribute_id TEXT NOT NULL,                        -- '' for better on the whole
        kind TEXT NOT NULL,
        judgement_id TEXT NOT NULL REFERENCES judgements (id),
        outcome TEXT NOT NULL,
        score INTEGER NOT NULL,
        PRIMARY KEY (comparison_id, annotator_id, attribute_id, kind)
    ) STRICT, WITHOUT ROWID)sql",
    R"sql(CREATE INDEX current_judgements_by_annotator
        ON current_judgements (annotator_id, attribute_id, kind, judgement_id))sql",
    R"sql(CREATE TRIGGER judgements_current AFTER INSERT ON judgements WHEN NEW.kind IN ('label', 'adjudication')
        BEGIN
            DELETE FROM current_judgements
                WHERE comparison_id = NEW.comparison_id AND annotator_id = NEW.annotator_id
                    AND attribute_id = ifnull(NEW.attribute_id, '') AND kind = NEW.kind;
            INSERT INTO current_judgements
                SELECT comparison_id, annotator_id, ifnull(attribute_id, ''), kind, id, outcome, score FROM (
                    SELECT * FROM judgements j
                    WHERE j.comparison_id = NEW.comparison_id AND j.annotator_id = NEW.annotator_id
                        AND j.attribute_id IS NEW.attribute_id AND j.kind = NEW.kind
                        AND NOT EXISTS (SELECT 1 FROM judgements later WHERE later.supersedes = j.id)
                    ORDER BY j.id DESC LIMIT 1)
                WHERE outcome <> 'withdrawn';
        END)sql",

    R"sql(CREATE TABLE tags (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT)sql",
    R"sql(CREATE TABLE judgement_tags (
        judgement_id TEXT NOT NULL REFERENCES judgements (id),
        tag_id TEXT NOT NULL REFERENCES tags (id),
        PRIMARY KEY (judgement_id, tag_id)
    ) STRICT, WITHOUT ROWID)sql",

    R"sql(CREATE TABLE assignments (
        id TEXT PRIMARY KEY,
        comparison_id TEXT NOT NULL REFERENCES comparisons (id),
        annotator_id TEXT NOT NULL REFERENCES annotators (id),
        leased_until TEXT,
        created TEXT NOT NULL,
        UNIQUE (comparison_id, annotator_id)
    ) STRICT)sql",

    R"sql(CREATE TABLE gold (
        id TEXT PRIMARY KEY,
        comparison_id TEXT NOT NULL REFERENCES comparisons (id),
        attribute_id TEXT REFERENCES attributes (id),
        lowest_score INTEGER NOT NULL CHECK (lowest_score BETWEEN -3 AND 3),
        highest_score INTEGER NOT NULL CHECK (highest_score BETWEEN lowest_score AND 3),
        explanation TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL
    ) STRICT)sql",
    "CREATE INDEX gold_by_comparison ON gold (comparison_id)",

    R"sql(CREATE TABLE scores (
        run_id TEXT NOT NULL REFERENCES runs (id),
        step INTEGER NOT NULL,
        completion_id TEXT NOT NULL REFERENCES completions (id),
        policy_log_probability REAL NOT NULL,
        reference_log_probability REAL,
        PRIMARY KEY (run_id, step, completion_id)
    ) STRICT, WITHOUT ROWID)sql",
});

constexpr Migration allMigrations[] = {{1, version1}};

}  // namespace

std::span<const Migration> migrations() {
    return allMigrations;
}

int newestVersion() {
    return migrations().back().version;
}

int schemaVersion(Project& project) {
    return sql::scalar(project, QStringLiteral("PRAGMA user_version")).toInt();
}

void migrate(Project& project, std::span<const Migration> steps) {
    for (const Migration& step : steps) {
        if (schemaVersion(project) >= step.version) {
            continue;
        }
        Transaction transaction(project);
        // Another process may have taken this step while we waited for the lock.
        if (schemaVersion(project) >= step.version) {
            continue;
        }
        for (const char* statement : step.statements) {
            sql::run(project, QString::fromUtf8(statement));
        }
        sql::run(project, QStringLiteral("PRAGMA user_version = %1").arg(step.version));
        transaction.commit();
    }
}

}  // namespace prefbench::project
