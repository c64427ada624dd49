// Wine 8 lacks bcryptprimitives.dll, from which Rust's std takes its random numbers. This stands
// in for it, in tests only: it is laid into the test command's own Wine prefix and never shipped.
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T bytes) {
    return RtlGenRandom(data, (ULONG)bytes);
}
