/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: prepare IN OUT
 *
 * Run when iopc is built, on the stage library's bitcode: what would be done anew for
 * each policy, and is the same for all of them, is done here once. It is less to read,
 * to inline and to write for iopc, which spends its time on that. What is done stops
 * where it would change the instructions that policies become.
 */
#include <llvm-c/BitReader.h>
#include <llvm-c/BitWriter.h>
#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Variables in registers, no block too many. `early-cse` or more here, and the programs grow. */
#define PASSES "function(simplifycfg,sroa,simplifycfg)"

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	fprintf(stderr, "prepare: %s: %s\n", what, why);
	exit(1);
}

static void each_instruction(LLVMModuleRef m, LLVMValueRef f,
			     void (*fn)(LLVMModuleRef m, LLVMValueRef i))
{
	for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
		for (LLVMValueRef i = LLVMGetFirstInstruction(b), next; i; i = next) {
			next = LLVMGetNextInstruction(i);
			fn(m, i);
		}
}

/* BTF knows no local variables, but LLVM would carry them through every pass. */
static void drop_variable(LLVMModuleRef m, LLVMValueRef i)
{
	size_t n;

	(void)m;
	if (LLVMIsACallInst(i) && LLVMIsAFunction(LLVMGetCalledValue(i)) &&
	    strncmp(LLVMGetValueName2(LLVMGetCalledValue(i), &n), "llvm.dbg.", 9) == 0)
		LLVMInstructionEraseFromParent(i);
}

/* Code without a place takes the place of the call that it is inlined at: the policy's line. */
static void drop_place(LLVMModuleRef m, LLVMValueRef i)
{
	(void)m;
	LLVMInstructionSetDebugLoc(i, NULL);
}

static bool is_register_asm(LLVMValueRef i)
{
	size_t n;

	return LLVMIsACallInst(i) && LLVMIsAInlineAsm(LLVMGetCalledValue(i)) &&
	       !strstr(LLVMGetInlineAsmConstraintString(LLVMGetCalledValue(i), &n), "{memory}");
}

/* The library's inline assembly moves registers and nothing else, unless it says that it changes
 * memory. clang has no way to say so of one that must stay; without it LLVM reads fields again
 * behind each of them, though not their bounds. */
static void leave_memory(LLVMModuleRef m, LLVMValueRef i)
{
	unsigned kind = LLVMGetEnumAttributeKindForName("memory", 6);

	if (is_register_asm(i))
		LLVMAddCallSiteAttribute(
			i, LLVMAttributeFunctionIndex,
			LLVMCreateEnumAttribute(LLVMGetModuleContext(m), kind, 0));
}

static void prepare(LLVMModuleRef m)
{
	/* `used` kept the functions until here; iopc drops those that a policy does not call. */
	static const char *const lists[] = { "llvm.used", "llvm.compiler.used" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		LLVMValueRef list = LLVMGetNamedGlobal(m, lists[i]);

		if (list)
			LLVMDeleteGlobal(list);
	}
	LLVMSetIsNewDbgInfoFormat(m, false); /* as calls, which can be taken out */
	for (LLVMValueRef f = LLVMGetFirstFunction(m); f; f = LLVMGetNextFunction(f)) {
		each_instruction(m, f, leave_memory);
		each_instruction(m, f, drop_variable);
		if (LLVMGetLinkage(f) != LLVMInternalLinkage)
			continue; /* programs, and what iopc looks up the types of */
		each_instruction(m, f, drop_place);
		LLVMSetSubprogram(f, NULL);
	}
	LLVMSetIsNewDbgInfoFormat(m, true);
}

static void optimise(LLVMModuleRef m)
{
	LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
	LLVMTargetMachineRef tm;
	LLVMTargetRef target;
	LLVMErrorRef error;
	char *message;

	LLVMInitializeBPFTargetInfo();
	LLVMInitializeBPFTarget();
	LLVMInitializeBPFTargetMC();
	if (LLVMGetTargetFromTriple(LLVMGetTarget(m), &target, &message))
		fail("no BPF target", message);
	tm = LLVMCreateTargetMachine(target, LLVMGetTarget(m), "v3", "", LLVMCodeGenLevelDefault,
				     LLVMRelocStatic, LLVMCodeModelDefault);
	error = LLVMRunPasses(m, PASSES, tm, options);
	if (error)
		fail("passes", LLVMGetErrorMessage(error));
	LLVMDisposePassBuilderOptions(options);
	LLVMDisposeTargetMachine(tm);
}

int main(int argc, char **argv)
{
	LLVMContextRef ctx = LLVMContextCreate();
	LLVMMemoryBufferRef buffer;
	LLVMModuleRef m;
	char *message;

	if (argc != 3)
		fail("usage", "prepare IN OUT");
	if (LLVMCreateMemoryBufferWithContentsOfFile(argv[1], &buffer, &message))
		fail(argv[1], message);
	if (LLVMParseBitcodeInContext2(ctx, buffer, &m))
		fail(argv[1], "not bitcode");
	LLVMDisposeMemoryBuffer(buffer);
	prepare(m);
	optimise(m);
	if (LLVMWriteBitcodeToFile(m, argv[2]))
		fail(argv[2], "cannot be written");
	LLVMDisposeModule(m);
	LLVMContextDispose(ctx);
	return 0;
}
