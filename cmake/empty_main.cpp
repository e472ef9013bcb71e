// Carries the precompiled header for test programs.
int main() {
    return 0;
}
