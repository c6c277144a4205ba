{
  # The build is CMake's (see CMakeLists.txt); this only lets tools that look for a gyp file call it.
  "targets": [
    {
      "target_name": "flaxen",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build/Release/flaxen.node"],
          "action": ["node", "install.cjs", "--build"]
        }
      ]
    }
  ]
}
