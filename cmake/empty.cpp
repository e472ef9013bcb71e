// Carries the precompiled header for libraries.
