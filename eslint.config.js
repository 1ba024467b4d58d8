import tseslint from "typescript-eslint";

/** A `new` inside `apply`, `all` or `then` hides a resource from preview; value classes are no resources. */
const noResourceInApply = ["apply", "then"].map((method) => ({
  selector: `CallExpression[callee.property.name='${method}'] NewExpression[callee.name!=/^(URL|Error|Map|Set|Date|RegExp)$/]`,
  message: `No resource may be made inside ${method}: preview would not show it. Make it outside and pass Outputs in.`,
}));

const noProcessEnv = {
  object: "process",
  property: "env",
  message: "Configuration is read in infra/config.ts and passed on as arguments.",
};

export default tseslint.config(
  { ignores: ["node_modules/", ".cache/", ".rehearsal/", "dist/", "test/golden/"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["eslint.config.js"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "no-restricted-syntax": ["error", ...noResourceInApply],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      curly: "error",
      eqeqeq: "error",
    },
  },
  {
    // Components are reusable: no configuration, no environment, nothing of the program that uses them.
    files: ["components/**/*.ts"],
    rules: {
      "no-restricted-properties": ["error", noProcessEnv],
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["**/infra/**", "**/plan/**", "**/rehearsal/**", "**/fleet/**"],
              message: "infra imports components, never the other way.",
            },
          ],
        },
      ],
    },
  },
  {
    // Services run in the clusters: nothing of Pulumi gets into their bundles.
    files: ["services/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["@pulumi/*", "**/infra/**", "**/components/**"],
              message: "A service imports nothing of Pulumi or of the program.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["infra/**/*.ts"],
    ignores: ["infra/config.ts", "infra/fleet-files.ts"],
    rules: { "no-restricted-properties": ["error", noProcessEnv] },
  },
  {
    // plan, fleet and rehearsal use the configuration and the names, and run the program; they import no component.
    files: ["plan/**/*.ts", "fleet/**/*.ts", "rehearsal/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              regex: "components/(?!shared/)",
              message:
                "Use infra/config.ts and components/shared; run the program instead of importing a component.",
            },
          ],
        },
      ],
    },
  },
  { files: ["**/*.js"], ...tseslint.configs.disableTypeChecked },
);
